#include "plugins/balancer/told_pool.hpp"

#include <stdexcept>

namespace gantry::test {
namespace {

namespace json = boost::json;

const Integer one("1000000000000000000");

std::vector<Integer> integers(const json::object& from, std::string_view key) {
  std::vector<Integer> values;
  if (const json::value* list = from.if_contains(key)) {
    for (const json::value& value : list->as_array()) values.emplace_back(text_of(value));
  }
  return values;
}

Integer scaling(const VenueToken& token) {
  Integer factor = 1;
  for (std::uint32_t digit = token.decimals; digit < 18; ++digit) factor *= 10;
  return factor;
}

std::string own_digits(const Integer& number) { return "0x" + word(number).substr(24); }

std::vector<Integer> rates_of(const ToldPool& pool) {
  return pool.rates.empty() ? std::vector<Integer>(pool.tokens.size(), one) : pool.rates;
}

// Providers of rates are named by their token, so that their answers are found again.
std::string provider_of(const ToldPool& pool, std::size_t token) {
  return own_digits(rates_of(pool)[token] == one ? Integer(0) : Integer(0x7000) + token);
}

std::map<std::string, std::string> answers_of_v3(const ToldPool& pool) {
  const std::vector<Integer> rates = rates_of(pool);
  std::vector<std::string> tokens;
  std::vector<Integer> scalings;
  std::vector<Integer> live;
  std::string infos = word(pool.tokens.size());
  for (std::size_t i = 0; i < pool.tokens.size(); ++i) {
    tokens.push_back(pool.tokens[i].address);
    scalings.push_back(scaling(pool.tokens[i]));
    live.push_back(pool.balances[i] * scalings[i] * rates[i] / one);
    const bool with_rate = rates[i] != one;
    infos += word(with_rate ? 1 : 0) + word(with_rate ? 77 : 0) + word(with_rate ? 1 : 0);
  }
  const std::vector<Integer>& last = pool.last_live.empty() ? live : pool.last_live;
  std::string config = word(0) + word(0) + word(0) + word(0) + word(pool.fee) +
                       word(pool.aggregate_fee) + word(pool.yield_fee) + word(0) + word(0) +
                       word(1) + word(1) + word(0) + word(0);
  std::string hooks;
  for (int i = 0; i < 11; ++i) hooks += word(0);
  std::map<std::string, std::string> answers = {
      {"0x67e0e076",
       AbiArguments().addresses(tokens).tail(infos).words(pool.balances).words(last).digits()},
      {"0x7e361bde", AbiArguments().words(scalings).words(rates).digits()},
      {"0xf29486a1", config},
      {"0xce8630d4", hooks},
      {"0x6c9bc732", word(0)},
      {"0x098401f5", word(0)},
      {"0xe2cb0ba0", word(1'000'000)},
      {"0xf89f27ed", AbiArguments().words(pool.weights).digits()},
      {"0xd67f280b",
       AbiArguments().words(std::vector<Integer>(pool.tokens.size(), 1'000'000)).digits()},
      {"0x21da5e19", word(pool.amp) + word(pool.amp) + word(1) + word(1) + word(1'000)},
      {"0x535cfd8a", AbiArguments().words(live).digits()}};
  return answers;
}

}  // namespace

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

std::vector<std::uint8_t> metadata_of(const ToldPool& pool) {
  std::string metadata = "variant=" + pool.variant;
  if (!pool.is_v3()) metadata += " pool_id=" + pool.address + std::string(24, '0');
  for (std::size_t i = 0; i < pool.tokens.size() && !pool.is_v3() && pool.weights.empty(); ++i) {
    metadata += (i == 0 ? " rate_providers=" : ",") + provider_of(pool, i);
  }
  if (!pool.factory.empty()) metadata += " factory=" + pool.factory;
  return bytes_of(metadata);
}

std::vector<VenueToken> told_tokens(const std::vector<std::uint32_t>& decimals) {
  std::vector<VenueToken> tokens;
  for (std::size_t i = 0; i < decimals.size(); ++i) {
    tokens.push_back({own_digits(Integer(0x1000) + i), decimals[i]});
  }
  return tokens;
}

ToldPool told_pool(const json::object& described) {
  ToldPool pool;
  pool.variant = text_of(described.at("variant"));
  if (const json::value* address = described.if_contains("pool")) pool.address = text_of(*address);
  if (const json::value* tokens = described.if_contains("tokens")) {
    for (const json::value& token : tokens->as_array()) {
      pool.tokens.push_back(
          {text_of(token.at(0)), static_cast<std::uint32_t>(token.at(1).as_int64())});
    }
  } else {
    std::vector<std::uint32_t> decimals;
    for (const json::value& count : described.at("decimals").as_array()) {
      decimals.push_back(static_cast<std::uint32_t>(count.as_int64()));
    }
    pool.tokens = told_tokens(decimals);
  }
  pool.balances = integers(described, "balances");
  pool.rates = integers(described, "rates");
  pool.weights = integers(described, "weights");
  pool.fee = Integer(text_of(described.at("fee")));
  if (const json::value* amp = described.if_contains("amp")) pool.amp = Integer(text_of(*amp));
  return pool;
}

std::map<std::string, std::string> answers_of(const ToldPool& pool) {
  if (pool.is_v3()) return answers_of_v3(pool);
  std::vector<std::string> tokens;
  for (const VenueToken& token : pool.tokens) tokens.push_back(token.address);
  return {{"0xf94d4668", AbiArguments().addresses(tokens).words(pool.balances).word(9).digits()},
          {"0xb05f8e48", word(5) + word(0) + word(9) + word(0)},
          {"0x55c67628", word(pool.fee)},
          {"0x1c0de051", word(0) + word(1) + word(2)},
          {"0xf89f27ed", AbiArguments().words(pool.weights).digits()},
          {"0x6daccffa", word(pool.amp) + word(0) + word(1'000)}};
}

gantry_status tell(PluginVenue& venue, const ToldPool& pool,
                   const std::map<std::string, std::string>& answers,
                   std::vector<OwnedFact>* facts) {
  std::map<std::string, Integer> rate_by_provider;
  std::map<std::string, Integer> rate_by_token;
  const std::vector<Integer> rates = rates_of(pool);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    rate_by_provider[provider_of(pool, i)] = rates[i];
    rate_by_token[address_word(pool.tokens[i].address)] = rates[i];
  }
  const gantry_status opened = venue.open_pool(pool.address, pool.tokens, metadata_of(pool));
  if (opened != GANTRY_OK) return opened;
  std::vector<EmittedRequest> requests;
  const gantry_status asked = venue.requests(0, requests);
  if (asked != GANTRY_OK) return asked;
  std::vector<OwnedFact> told;
  for (const EmittedRequest& request : requests) {
    if (request.source != GANTRY_SOURCE_EVM_CALL) continue;  // a ramp that is none
    const std::string selector = request.payload.substr(0, 10);
    std::string digits;
    if (selector == "0x679aefce") {
      digits = word(rate_by_provider.at(request.target));
    } else if (selector == "0x7f1260d1" || selector == "0xb867ee5a") {
      const Integer& rate = rate_by_token.at(request.payload.substr(10, word_digits));
      const bool old_too = pool.variant.find("composable") != std::string::npos;
      digits = word(rate) + (old_too ? word(1) : "") + word(3'600) + word(9);
    } else {
      const auto found = answers.find(selector);
      if (found == answers.end()) throw std::runtime_error("asked for " + request.payload);
      digits = found->second;
    }
    told.push_back(fact_of(request, "0x" + digits));
  }
  if (facts != nullptr) *facts = told;
  return venue.apply(told);
}

}  // namespace gantry::test
