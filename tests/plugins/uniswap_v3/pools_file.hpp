// The pools of the JSON files beside this one, as models of the reference.
#pragma once
#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "evm/uniswap_v3_model.hpp"

namespace gantry::test {

struct FileSwap {
  bool zero_for_one = true;
  bool exact_in = true;
  Integer amount;
  std::string error;  // not empty: the contract reverts
  Integer amount_in;
  Integer amount_out;
  bool has_tick = false;
  int tick_after = 0;
};

struct FilePool {
  std::string name;
  std::uint64_t block = 1;
  ModelPool model;
  std::vector<FileSwap> swaps;
};

inline boost::json::object pools_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return boost::json::parse(text.str()).as_object();
}

// Positions of a published pool, or ticks of a recorded one.
inline FilePool file_pool(const boost::json::object& row) {
  FilePool result;
  result.name = text_of(row.at("name"));
  ReferencePool3& pool = result.model.pool;
  pool.fee = static_cast<unsigned>(row.at("fee").as_int64());
  pool.spacing = static_cast<int>(row.at("tick_spacing").as_int64());
  pool.sqrt = Integer(text_of(row.at("sqrt_price")));
  pool.tick = static_cast<int>(row.at("tick").as_int64());
  result.model.address = "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8";
  result.model.token[0] = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48";
  result.model.token[1] = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2";
  if (const auto* positions = row.if_contains("positions")) {
    for (const auto& position : positions->as_array()) {
      pool.change(static_cast<int>(position.at("lower").as_int64()),
                  static_cast<int>(position.at("upper").as_int64()),
                  Integer(text_of(position.at("liquidity"))));
    }
  } else {
    result.block = static_cast<std::uint64_t>(row.at("block").as_int64());
    result.model.address = text_of(row.at("address"));
    result.model.token[0] = text_of(row.at("token0"));
    result.model.token[1] = text_of(row.at("token1"));
    pool.liquidity = Integer(text_of(row.at("liquidity")));
    for (const auto& tick : row.at("ticks").as_array()) {
      pool.ticks[static_cast<int>(tick.at(0).as_int64())] = {Integer(text_of(tick.at(1))),
                                                             Integer(text_of(tick.at(2)))};
    }
  }
  for (const auto& entry : row.at("swaps").as_array()) {
    const auto& swap = entry.as_object();
    FileSwap each;
    each.zero_for_one = swap.at("zero_for_one").as_bool();
    if (swap.if_contains("error") != nullptr) each.error = text_of(swap.at("error"));
    if (swap.if_contains("exact_out") != nullptr) {
      each.exact_in = !swap.at("exact_out").as_bool();
      each.amount = Integer(text_of(swap.at("amount")));
      if (each.error.empty()) {
        const Integer amount0(text_of(swap.at("amount0")));
        const Integer amount1(text_of(swap.at("amount1")));
        each.amount_in = each.zero_for_one ? amount0 : amount1;
        each.amount_out = each.zero_for_one ? Integer(-amount1) : Integer(-amount0);
        each.has_tick = true;
        each.tick_after = static_cast<int>(swap.at("tick_after").as_int64());
      }
    } else {
      each.amount = Integer(text_of(swap.at("amount_in")));
      each.amount_in = each.amount;
      each.amount_out = Integer(text_of(swap.at("amount_out")));
    }
    result.swaps.push_back(std::move(each));
  }
  return result;
}

inline std::vector<FilePool> file_pools(const std::string& path) {
  std::vector<FilePool> pools;
  const boost::json::object file = pools_file(path);
  for (const auto& row : file.at("pools").as_array()) {
    pools.push_back(file_pool(row.as_object()));
  }
  return pools;
}

}  // namespace gantry::test
