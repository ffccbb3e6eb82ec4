// What a paymaster service answered: a grant, or an error and whose turn it is then.
//
// ERRORS  read_answer() never throws on bad input: whatever does not decode is Reading::garbage.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "gantry/paymaster.h"
#include "gantry/u256.hpp"

namespace gantry::erc4337 {

inline constexpr std::size_t answer_bytes_max = 256U << 10U;

// The fields of a grant; absent limits are 0.
struct Grant {
  gantry_address paymaster{};
  std::string paymaster_data;  // raw bytes
  u256 paymaster_verification_gas_limit;
  u256 paymaster_post_op_gas_limit;
  u256 call_gas_limit;
  u256 verification_gas_limit;
  u256 pre_verification_gas;
  bool final = false;  // ERC-7677: the first answer is already the last
};

enum class Reading { granted, refused, garbage };

struct Answer {
  Reading reading = Reading::garbage;
  Grant grant;               // granted
  std::int32_t outcome = 0;  // refused: GANTRY_SPONSOR_*
  std::int32_t code = 0;     // JSON-RPC or HTTP code
  std::string message;       // printable ASCII, cut
};

// Reads an answer's "result"; false: it does not decode. `packed`: EntryPoint 0.6, where paymaster
// and data come as one field.
using ReadResult = std::function<bool(const boost::json::object& result, bool packed, Grant& out)>;

// The fields of ERC-7677 and of pm_sponsorUserOperation.
bool read_grant(const boost::json::object& result, bool packed, Grant& out);
// A member that is a quantity of at most 256 bits, or 128 unless `wide`; absent or null is 0.
bool read_quantity(const boost::json::object& from, const char* name, bool wide, u256& out);

Answer read_answer(std::uint32_t http_status, std::string_view body, bool packed,
                   const ReadResult& read_result = read_grant);

inline std::string_view text_of(gantry_bytes body) {
  return {reinterpret_cast<const char*>(body.data), body.size};
}

// GANTRY_SPONSOR_* of a JSON-RPC error: ERC-7769's codes and the EntryPoint's AAxx texts.
std::int32_t outcome_of_error(std::int64_t code, std::string_view message, bool names_paymaster);
// The same of an HTTP status that came without a JSON-RPC error.
std::int32_t outcome_of_http(std::uint32_t http_status);

}  // namespace gantry::erc4337
