#include "plugins/balancer/answers.hpp"

#include <zstd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace gantry::test {
namespace {

constexpr int zstd_level = 19;
constexpr std::string_view first_line = "balancer answers 1";

std::string hex_of(const Integer& number) {
  std::ostringstream text;
  text << std::hex << number;
  return text.str();
}

Integer number_of(const std::string& hex) { return Integer("0x" + hex); }

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }
std::string from_dash(const std::string& text) { return text == "-" ? "" : text; }

std::string decompressed(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    throw std::runtime_error(path.string() + " is no zstd frame of a known size");
  }
  std::string text(size, '\0');
  if (ZSTD_isError(ZSTD_decompress(text.data(), text.size(), bytes.data(), bytes.size())) != 0U) {
    throw std::runtime_error(path.string() + " does not decompress");
  }
  return text;
}

std::string next(std::istream& line) {
  std::string word;
  if (!(line >> word)) throw std::runtime_error("a line of the recorded answers is too short");
  return word;
}

std::size_t place_of(std::istream& line) { return std::stoul(next(line)); }

std::string before(std::string& text, char end) {
  const std::size_t at = text.find(end);
  if (at == text.npos) throw std::runtime_error("no " + std::string(1, end) + " in " + text);
  std::string part = text.substr(0, at);
  text.erase(0, at + 1);
  return part;
}

void read_pool(std::istream& words, RecordedBalancerPool& pool, BalancerScenery& scenery) {
  scenery = {};
  scenery.deployment = next(words);
  pool.address = next(words);
  scenery.fee = number_of(next(words));
  const std::string metadata = from_dash(next(words));
  pool.metadata = {metadata.begin(), metadata.end()};
  for (std::string token; words >> token;) {
    const std::string address = before(token, ':');
    const auto decimals = static_cast<std::uint32_t>(std::stoul(before(token, ':')));
    const Integer weight = number_of(before(token, ':'));
    pool.tokens.push_back({address, decimals});
    scenery.decimals.push_back(decimals);
    if (weight != 0) scenery.weights.push_back(weight);
    scenery.with_rates.push_back(token == "1");
  }
}

void read_state(std::istream& words, const BalancerScenery& scenery, std::size_t asks,
                RecordedBalancerState& state) {
  state.scenery = scenery;
  state.read_s = std::stoull(next(words));
  state.time_s = std::stoull(next(words));
  state.scenery.ramps = next(words) == "1";
  for (std::size_t i = 0; i < scenery.decimals.size(); ++i) {
    state.scenery.balances.push_back(number_of(next(words)));
  }
  for (std::string fact; words >> fact;) {
    const std::size_t end = fact.find_first_of("=!");
    if (end == fact.npos) throw std::runtime_error("no fact: " + fact);
    const std::size_t ask = std::stoul(fact.substr(0, end));
    if (ask >= asks) throw std::runtime_error("a fact that nobody asks: " + fact);
    state.facts.push_back({ask, fact[end] == '!', "0x" + fact.substr(end + 1)});
  }
}

BalancerCase read_swap(std::istream& words) {
  BalancerCase swap;
  swap.given_in = next(words) == "i";
  swap.in = place_of(words);
  swap.out = place_of(words);
  swap.amount = number_of(next(words));
  const std::string answer = next(words);
  swap.accepted = answer[0] != '!';
  if (swap.accepted) {
    swap.answer = number_of(answer);
  } else {
    swap.reason = answer.substr(1);
  }
  return swap;
}

RecordedCall read_call(std::istream& words) {
  RecordedCall call;
  call.in = place_of(words);
  call.out = place_of(words);
  call.amount = number_of(next(words));
  call.target = next(words);
  call.data = next(words);
  call.paid = number_of(next(words));
  return call;
}

}  // namespace

BalancerAnswers read_balancer_answers(const std::filesystem::path& path) {
  std::istringstream text(decompressed(path));
  std::string line;
  std::getline(text, line);
  if (line != first_line) throw std::runtime_error(path.string() + ": " + line);
  BalancerAnswers answers;
  BalancerScenery scenery;
  while (std::getline(text, line)) {
    std::istringstream words(line);
    const std::string kind = next(words);
    if (kind == "source") {
      std::getline(words >> std::ws, answers.source);
    } else if (kind == "code") {
      answers.code = next(words);
    } else if (kind == "vault") {
      answers.vault = next(words);
    } else if (kind == "ask") {
      EmittedRequest& ask = answers.asks.emplace_back();
      ask.source = std::stoi(next(words));
      ask.target = next(words);
      ask.payload = next(words);
    } else if (kind == "pool") {
      read_pool(words, answers.pools.emplace_back(), scenery);
    } else if (kind == "state") {
      RecordedBalancerPool& pool = answers.pools.at(answers.pools.size() - 1);
      read_state(words, scenery, answers.asks.size(), pool.states.emplace_back());
    } else if (kind == "swap" || kind == "call") {
      auto& states = answers.pools.at(answers.pools.size() - 1).states;
      RecordedBalancerState& state = states.at(states.size() - 1);
      if (kind == "swap") state.swaps.push_back(read_swap(words));
      if (kind == "call") state.calls.push_back(read_call(words));
    } else {
      throw std::runtime_error(path.string() + ": unknown line " + kind);
    }
  }
  return answers;
}

BalancerRecorder::BalancerRecorder(const std::string& source, const std::string& code,
                                   const std::string& vault)
    : text_(std::string(first_line) + "\nsource " + source + "\ncode " + code + "\nvault " + vault +
            "\n") {}

void BalancerRecorder::pool(const BalancerScenery& scenery, const std::string& address,
                            const std::vector<VenueToken>& tokens,
                            const std::vector<std::uint8_t>& metadata) {
  text_ += "pool " + scenery.deployment + " " + address + " " + hex_of(scenery.fee) + " " +
           or_dash({metadata.begin(), metadata.end()});
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    text_ += " " + tokens[i].address + ":" + std::to_string(tokens[i].decimals) + ":" +
             hex_of(scenery.weights.empty() ? Integer(0) : scenery.weights[i]) + ":" +
             (scenery.with_rates[i] ? "1" : "0");
  }
  text_ += "\n";
  pending_.clear();
  written_.clear();
}

void BalancerRecorder::fact(const EmittedRequest& request, const OwnedFact& fact) {
  const std::string asked =
      std::to_string(request.source) + " " + request.target + " " + or_dash(request.payload);
  const auto [place, is_new] = asks_.emplace(asked, asks_.size());
  if (is_new) text_ += "ask " + asked + "\n";
  const bool refused = fact.fields.status != GANTRY_OK;
  pending_[place->second] =
      std::to_string(place->second) + (refused ? "!" : "=") + to_hex(fact.data).substr(2);
}

void BalancerRecorder::state(std::uint64_t read_s, std::uint64_t time_s,
                             const BalancerScenery& scenery) {
  text_ += "state " + std::to_string(read_s) + " " + std::to_string(time_s) +
           (scenery.ramps ? " 1" : " 0");
  for (const Integer& balance : scenery.balances) text_ += " " + hex_of(balance);
  for (const auto& [number, fact] : pending_) {
    if (written_[number] != fact) text_ += " " + fact;
    written_[number] = fact;
  }
  pending_.clear();
  text_ += "\n";
}

void BalancerRecorder::swap(const BalancerCase& each) {
  std::string reason = each.reason;
  std::ranges::replace(reason, ' ', '_');
  text_ += std::string("swap ") + (each.given_in ? "i " : "o ") + std::to_string(each.in) + " " +
           std::to_string(each.out) + " " + hex_of(each.amount) + " " +
           (each.accepted ? hex_of(each.answer) : "!" + reason) + "\n";
}

void BalancerRecorder::call(const RecordedCall& call) {
  text_ += "call " + std::to_string(call.in) + " " + std::to_string(call.out) + " " +
           hex_of(call.amount) + " " + call.target + " " + call.data + " " + hex_of(call.paid) +
           "\n";
}

void BalancerRecorder::save(const std::filesystem::path& path) const {
  std::string bytes(ZSTD_compressBound(text_.size()), '\0');
  const std::size_t size =
      ZSTD_compress(bytes.data(), bytes.size(), text_.data(), text_.size(), zstd_level);
  if (ZSTD_isError(size) != 0U) throw std::runtime_error("zstd does not compress the answers");
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(size));
  if (!file.flush()) throw std::runtime_error(path.string() + " cannot be written");
}

}  // namespace gantry::test
