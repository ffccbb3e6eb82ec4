// What the host writes for the executor, against another encoder; and the bytecode that is
// committed, against its source.
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <random>
#include <sstream>

#include "evm/executor_contract.hpp"
#include "evm/node_output.hpp"
#include "evm/plugin_venue.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry;
using namespace gantry::test;

namespace {

namespace json = boost::json;

std::string address_text(const gantry_address& address) {
  return to_hex(std::span(address.bytes, 20));
}

// A run and what is said of it, drawn together.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool coin() { return below(2) == 1; }

  ex::Run run(json::object& said) {
    ex::Run run;
    std::vector<ex::Step> steps;
    json::array described;
    for (std::uint64_t i = below(6); i > 0; --i) steps.push_back(step(described));
    run.program = ex::encode_program(steps).value();
    run.deadline_s = to_u256(number());
    json::array settlements;
    for (std::uint64_t i = below(4); i > 0; --i) {
      ex::Settlement settlement;
      settlement.token = token();
      const Integer least = number() >> 1;
      settlement.least = to_u256(least);
      settlement.may_lose = coin();
      settlement.settle = static_cast<ex::Settle>(below(3));
      const Integer signed_least = settlement.may_lose ? Integer(-least) : least;
      settlements.push_back({{"token", address_text(settlement.token)},
                             {"least", signed_least.str()},
                             {"settle", static_cast<int>(settlement.settle)}});
      run.settlements.push_back(settlement);
    }
    said = {{"deadline", hex_word(deadline_of(run))},
            {"settlements", settlements},
            {"steps", described}};
    return run;
  }

 private:
  static Integer deadline_of(const ex::Run& run) {
    Integer value = 0;
    for (std::size_t i = 4; i-- > 0;) value = (value << 64) | run.deadline_s.limb(i);
    return value;
  }
  // Of any number of bits.
  Integer number() {
    Integer value = 0;
    for (int i = 0; i < 4; ++i) value = (value << 64) | random_();
    return value >> static_cast<unsigned>(below(257));
  }
  gantry_address address() {
    std::string digits = "0x";
    for (int i = 0; i < 40; ++i) digits.push_back("0123456789abcdef"[below(16)]);
    return to_address(digits);
  }
  gantry_address token() {
    if (below(5) > 0) return address();
    gantry_address native{};
    native.kind = GANTRY_ADDRESS_NATIVE;
    return native;
  }
  ex::Bytes bytes(std::uint64_t size) {
    ex::Bytes out(size);
    for (auto& byte : out) byte = static_cast<std::uint8_t>(random_());
    return out;
  }
  ex::Amount amount(json::array& said, std::uint64_t terms) {
    static constexpr const char* names[] = {"literal", "balance", "returned", "called_with"};
    ex::Amount amount;
    for (; terms > 0; --terms) {
      ex::Term term;
      term.source = static_cast<ex::Source>(below(4));
      const Integer value = number();
      term.number = to_u256(value);
      term.token = token();
      term.offset = static_cast<std::uint32_t>(below(1U << 16U));
      term.negated = coin();
      term.subtracted = coin();
      if (coin()) term.share = static_cast<std::uint32_t>(random_());
      json::object object = {{"source", names[static_cast<int>(term.source)]},
                             {"number", hex_word(value)},
                             {"token", address_text(term.token)},
                             {"offset", term.offset},
                             {"negated", term.negated},
                             {"subtracted", term.subtracted}};
      if (term.share) object["share"] = *term.share;
      said.push_back(object);
      amount.push_back(term);
    }
    return amount;
  }
  ex::Step step(json::array& all) {
    json::object said;
    ex::Step step;
    switch (below(4)) {
      case 0: {
        json::array terms;
        ex::Payment payment{address(), address(), {}};
        if (coin()) {
          payment.token = token();
          if (payment.token.length == 0 && coin()) payment.to = {};
        }
        payment.amount = amount(terms, below(4));
        said = {{"kind", "payment"},
                {"token", address_text(payment.token)},
                {"to", address_text(payment.to)},
                {"amount", terms}};
        step = payment;
        break;
      }
      case 1: {
        const ex::Answer answer{bytes(below(100))};
        said = {{"kind", "answer"}, {"data", to_hex(answer.data)}};
        step = answer;
        break;
      }
      default:
        step = call(said);
    }
    all.push_back(said);
    return step;
  }
  ex::Call call(json::object& said) {
    ex::Call call;
    call.target = address();
    call.data = bytes(4 + below(300));
    json::array value;
    call.value = amount(value, below(3));
    said = {{"kind", "call"}, {"target", address_text(call.target)}, {"value", value}};
    if (coin()) {
      json::array terms;
      ex::Approval approval;
      approval.token = address();
      approval.amount = amount(terms, below(3));
      json::object about = {{"token", address_text(approval.token)}, {"amount", terms}};
      if (coin()) {
        approval.spender = address();
        about["spender"] = address_text(*approval.spender);
      }
      said["approval"] = about;
      call.approval = approval;
    }
    if (coin()) said["callback"] = callback(call);
    json::array patches;
    if (call.data.size() >= 36) {
      for (std::uint64_t i = below(4); i > 0; --i) {
        json::array terms;
        ex::Patch patch;
        patch.offset = static_cast<std::uint32_t>(4 + below(call.data.size() - 35));
        patch.amount = amount(terms, 1 + below(2));
        patches.push_back({{"offset", patch.offset}, {"amount", terms}});
        call.patches.push_back(patch);
      }
    }
    said["patches"] = patches;
    said["data"] = to_hex(call.data);
    return call;
  }
  json::object callback(ex::Call& call) {
    ex::Callback callback;
    for (auto& byte : callback.selector) byte = static_cast<std::uint8_t>(random_());
    callback.times = static_cast<std::uint8_t>(1 + below(255));
    callback.kept = coin();
    if (callback.kept) {
      callback.program = bytes(below(200));
    } else {
      const std::size_t begin = below(call.data.size());
      const std::size_t size = below(call.data.size() - begin + 1);
      const auto at = call.data.begin() + static_cast<std::ptrdiff_t>(begin);
      callback.program.assign(at, at + static_cast<std::ptrdiff_t>(size));
      callback.data_offset = static_cast<std::uint32_t>(begin);
      callback.calldata_offset = static_cast<std::uint32_t>(below(1U << 24U));
    }
    json::object said = {{"selector", to_hex(callback.selector)},
                         {"times", callback.times},
                         {"kept", callback.kept},
                         {"program", to_hex(callback.program)},
                         {"data_offset", callback.data_offset},
                         {"calldata_offset", callback.calldata_offset}};
    if (coin()) {
      callback.caller = address();
      said["caller"] = address_text(*callback.caller);
    }
    call.callback = callback;
    return said;
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("runs of the executor are encoded as another encoder does it") {
  constexpr std::uint64_t seed = 20'251;
  constexpr int count = 1000;
  Draw draw(seed);
  std::vector<std::string> ours;
  const TemporaryFolder folder;
  const auto path = folder.path() / "runs.json";
  {
    std::ofstream file(path);
    for (int i = 0; i < count; ++i) {
      json::object said;
      const ex::Run run = draw.run(said);
      ours.push_back(to_hex(ex::encode_run(run).value()));
      file << json::serialize(said) << "\n";
    }
  }
  std::istringstream theirs(node_output("encode_programs.mjs", path.string()));
  std::string line;
  int equal = 0;
  for (int i = 0; i < count; ++i) {
    REQUIRE(std::getline(theirs, line));
    INFO("seed " << seed << ", run " << i);
    CHECK(line == ours[static_cast<std::size_t>(i)]);
    equal += line == ours[static_cast<std::size_t>(i)] ? 1 : 0;
  }
  CHECK(equal == count);
}

TEST_CASE("the executor's bytecode is what its source compiles to, to the byte") {
  std::ifstream file(GANTRY_EXECUTOR_ARTEFACT);
  std::ostringstream committed;
  committed << file.rdbuf();
  const std::string compiled = node_output("../../contracts/compile.mjs");
  INFO("node contracts/compile.mjs > contracts/Executor.json");
  CHECK(compiled == committed.str());
  // Deployable under the size that chains allow, with nothing of London's successors in it:
  // PUSH0, MCOPY, TLOAD and TSTORE are no bytes of its instructions.
  const std::string code = text_of(executor_artefact().at("bytecode")).substr(2);
  CHECK(code.size() / 2 < 24'576);
  const ex::Bytes bytes = bytes_of("0x" + code);
  std::size_t newer = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint8_t op = bytes[i];
    newer += op == 0x5f || op == 0x5e || op == 0x5c || op == 0x5d || op == 0x49 || op == 0x4a;
    if (op >= 0x60 && op <= 0x7f) i += op - 0x5fU;  // what PUSH1 to PUSH32 push
  }
  CHECK(newer == 0);
}
