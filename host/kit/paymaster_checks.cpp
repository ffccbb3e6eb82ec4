// What the one who pays needs of a paymaster: nothing above the cap, nothing for garbage, and no
// secret on the wire.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "gantry/paymaster.h"
#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/kit/memory.hpp"
#include "host/kit/work.hpp"

namespace gantry::host::kit {
namespace {

constexpr std::uint32_t rounds_max = 4;
constexpr std::uint64_t ether_wei = 1'000'000'000'000'000'000ULL;

gantry_address address_of(std::uint8_t byte) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  std::fill_n(address.bytes, 20, byte);
  return address;
}

struct Operation {
  gantry_user_operation plain{};  // without its bytes
  std::string call_data = std::string(100, '\x12');
  std::string signature = std::string(65, '\x34');
  std::string factory_data;
  std::string paymaster_data;
};

Operation operation_of(std::uint32_t version, Random& random) {
  Operation operation;
  auto& o = operation.plain;
  o.entry_point = address_of(0x71);
  o.entry_point_version = version;
  o.stub_signature = static_cast<std::uint32_t>(random.below(2));
  o.sender = address_of(0x51);
  o.nonce = u256(random.next());
  if (random.below(2) == 0) {
    o.factory = address_of(0x61);
    operation.factory_data = std::string(40, '\x56');
  }
  o.call_gas_limit = u256(50'000 + random.below(100'000));
  o.verification_gas_limit = u256(60'000 + random.below(100'000));
  o.pre_verification_gas = u256(40'000 + random.below(20'000));
  o.max_fee_per_gas = u256(10'000'000'000ULL + random.below(20'000'000'000ULL));
  o.max_priority_fee_per_gas = u256(1'000'000'000);
  o.chain_id = 1;
  return operation;
}

// The gas that the EntryPoint asks to be paid for, at the least: version 0.6 counts verification
// more than once, which only makes it dearer.
bool cost_at_least(const gantry_user_operation& o, const gantry_sponsorship& s, u256& out) {
  const auto newer = [](const gantry_amount& granted, const gantry_amount& own) {
    return u256(granted).is_zero() ? u256(own) : u256(granted);
  };
  u256 gas = newer(s.pre_verification_gas, o.pre_verification_gas);
  return add(gas, newer(s.call_gas_limit, o.call_gas_limit), gas) &&
         add(gas, newer(s.verification_gas_limit, o.verification_gas_limit), gas) &&
         add(gas, newer(s.paymaster_verification_gas_limit, o.paymaster_verification_gas_limit),
             gas) &&
         add(gas, newer(s.paymaster_post_op_gas_limit, o.paymaster_post_op_gas_limit), gas) &&
         mul(gas, u256(o.max_fee_per_gas), out);
}

struct Sent {
  std::string url;
  std::string all;  // method, URL, headers and body
};

struct Answered {
  gantry_status status = GANTRY_OK;
  gantry_sponsorship sponsorship{};  // its pointers are not valid any more
};

class Payer {
 public:
  Payer(Loaded& library, void* object, bool guarded, std::string* transcript = nullptr)
      : table_(static_cast<const gantry_paymaster_v1*>(library.table())),
        object_(static_cast<gantry_paymaster_instance*>(object)),
        memory_(guarded),
        transcript_(transcript) {}

  gantry_status supports(const Operation& operation) {
    memory_.begin();
    const auto* where = context();
    const auto* given = place(operation);
    memory_.seal();
    set_phase("supports()");
    const auto status = table_->supports(object_, where, given);
    memory_.end();
    expect_status(status, {GANTRY_REFUSED}, "supports()");
    tell("supports", status, "");
    return status;
  }

  gantry_status request(const Operation& operation, std::uint32_t round, Sent& sent,
                        bool sink_takes = true) {
    struct Sink {
      Sent& sent;
      bool takes;
      int count = 0;
    } sink{sent, sink_takes};
    sent = {};
    memory_.begin();
    const auto* where = context();
    const auto* given = place(operation);
    const auto* face = memory_.in(gantry_http_sink{
        &sink, [](void* self, const gantry_http_request* request) -> gantry_status {
          auto& all = *static_cast<Sink*>(self);
          ++all.count;
          const auto add = [&](const char* data, std::uint64_t size) {
            if (size > 0) all.sent.all.append(data, size);
            all.sent.all += '\n';
          };
          if (request->url.size > 0) all.sent.url.assign(request->url.data, request->url.size);
          add(request->method.data, request->method.size);
          add(request->url.data, request->url.size);
          for (std::uint32_t i = 0; i < request->header_count; ++i) {
            add(request->headers[i].name.data, request->headers[i].name.size);
            add(request->headers[i].value.data, request->headers[i].value.size);
          }
          add(reinterpret_cast<const char*>(request->body.data), request->body.size);
          return all.takes ? GANTRY_OK : GANTRY_REFUSED;
        }});
    memory_.seal();
    set_phase("request()");
    const auto status = table_->request(object_, where, given, round, face);
    memory_.end();
    expect_status(status, {GANTRY_UNSUPPORTED, GANTRY_REFUSED, GANTRY_BAD_ARGUMENT}, "request()");
    require(status != GANTRY_OK || sink.count == 1,
            fmt::format("request() is GANTRY_OK and emitted {} requests", sink.count));
    tell("request", status, sent.all);
    return status;
  }

  Answered response(const Operation& operation, std::uint32_t round, std::uint32_t http_status,
                    std::string_view body) {
    memory_.begin();
    const auto* where = context();
    const auto* given = place(operation);
    const gantry_bytes bytes =
        memory_.in_bytes({reinterpret_cast<const std::uint8_t*>(body.data()), body.size()});
    auto* out = memory_.out<gantry_sponsorship>(0);
    memory_.seal();
    set_phase("response()");
    dirty_stack(0x3C);
    Answered answered;
    answered.status = table_->response(object_, where, given, round, http_status, bytes, out);
    answered.sponsorship = *out;
    memory_.end();
    expect_status(answered.status,
                  {GANTRY_NEED_STATE, GANTRY_BAD_STATE, GANTRY_REFUSED, GANTRY_BAD_ARGUMENT},
                  "response()");
    if (answered.status != GANTRY_OK) {
      tell("response", answered.status, "");
      return answered;
    }
    // What it points to is its own, and must still be there now that the answer is gone.
    set_phase("reading what response() pointed to");
    const auto& s = answered.sponsorship;
    require(s.outcome >= GANTRY_SPONSOR_GRANTED && s.outcome <= GANTRY_SPONSOR_PROVISIONAL,
            fmt::format("response() answers outcome {}", s.outcome));
    std::string read;
    const auto take = [&](const void* data, std::uint64_t size) {
      require(size == 0 || data != nullptr, "response() points to nothing");
      require(size <= 1U << 20U, fmt::format("response() points to {} bytes", size));
      read.append(static_cast<const char*>(data), size);
      read += '|';
    };
    take(s.paymaster_data.data, s.paymaster_data.size);
    take(s.submit_url.data, s.submit_url.size);
    take(s.provider_message.data, s.provider_message.size);
    for (std::uint32_t i = 0; i < s.submit_header_count; ++i) {
      take(s.submit_headers[i].name.data, s.submit_headers[i].name.size);
      take(s.submit_headers[i].value.data, s.submit_headers[i].value.size);
    }
    tell("response", answered.status,
         fmt::format("{} {} {} {} {}", s.outcome, s.fee_mode, to_string(u256(s.cost_max_wei)),
                     s.provider_code, read));
    return answered;
  }

 private:
  const gantry_context* context() {
    gantry_context context{};
    context.chain = memory_.in_text("eip155:1");
    context.state_block = 18'000'000;
    context.state_time_s = 1'700'000'000;
    context.execution_block = 18'000'001;
    context.execution_time_s = 1'700'000'012;
    context.base_fee = u256(5'000'000'000ULL);
    context.gas_price = u256(6'000'000'000ULL);
    return memory_.in(context);
  }
  const gantry_user_operation* place(const Operation& operation) {
    const auto bytes = [&](const std::string& text) {
      return memory_.in_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    };
    gantry_user_operation o = operation.plain;
    o.call_data = bytes(operation.call_data);
    o.signature = bytes(operation.signature);
    o.factory_data = bytes(operation.factory_data);
    o.paymaster_data = bytes(operation.paymaster_data);
    return memory_.in(o);
  }
  void tell(const char* call, gantry_status status, std::string_view answer) {
    if (transcript_ == nullptr) return;
    *transcript_ += fmt::format(
        "{} {} {}\n", call, status,
        hex_text({reinterpret_cast<const std::uint8_t*>(answer.data()), answer.size()}));
  }

  const gantry_paymaster_v1* table_;
  gantry_paymaster_instance* object_;
  CallMemory memory_;
  std::string* transcript_;
};

std::string hex(const u256& value) { return to_hex(value); }

// Answers as sponsors give them: JSON-RPC with the fields of ERC-7677 and of both generations of
// EntryPoints, and Gelato's quote. `gas` is each limit's, and at 10 gwei what the quote is of.
std::vector<std::string> grants(const u256& gas) {
  const std::string address = "0x" + std::string(40, '7');
  const std::string g = hex(gas);
  const std::string limits = fmt::format(
      R"("callGasLimit":"{0}","verificationGasLimit":"{0}","preVerificationGas":"{0}")", g);
  const std::string own = fmt::format(
      R"("paymaster":"{}","paymasterData":"0x1234","paymasterVerificationGasLimit":"{}",)"
      R"("paymasterPostOpGasLimit":"{}")",
      address, g, g);
  const std::string packed = fmt::format(R"("paymasterAndData":"{}1234")", address);
  const auto rpc = [](const std::string& result) {
    return R"({"jsonrpc":"2.0","id":1,"result":{)" + result + "}}";
  };
  return {rpc(own + "," + limits),
          rpc(packed + "," + limits),
          rpc(own),
          rpc(packed),
          rpc(own + "," + limits + R"(,"isFinal":true)"),
          rpc(own + "," + packed + "," + limits),
          rpc(fmt::format(R"("fee":"{}","gas":"{}",)",
                          hex(wrapping_mul(gas, u256(10'000'000'000ULL))), g) +
              limits)};
}

u256 gas_of(Random& random, unsigned bits) {
  const u256 any =
      u256::from_limbs(random.next(), random.next(), random.next(), random.next() | 1ULL << 63U);
  return shift_right(any, 256 - bits);
}

bool promises(const Answered& answered) {
  return answered.status == GANTRY_OK &&
         (answered.sponsorship.outcome == GANTRY_SPONSOR_GRANTED ||
          answered.sponsorship.outcome == GANTRY_SPONSOR_PROVISIONAL);
}

constexpr std::uint32_t versions[] = {6, 7, 8, 9};

// The parameters that are amounts of money, by their unit.
std::vector<const ParameterSchema*> money_of(const Manifest& manifest) {
  std::vector<const ParameterSchema*> found;
  for (const ParameterSchema& schema : manifest.parameters) {
    const bool money = schema.unit == "ETH" || schema.unit == "ether" || schema.unit == "wei" ||
                       schema.unit == "gwei";
    const bool number = schema.type == ParameterType::number ||
                        schema.type == ParameterType::amount ||
                        schema.type == ParameterType::integer;
    if (money && number) found.push_back(&schema);
  }
  return found;
}

// Sets the cap to so many coins, or the nearest that it may be; says it in wei.
u256 set_cap(Parameters& parameters, const ParameterSchema& schema, double coins) {
  const double unit = schema.unit == "wei" ? 1 : schema.unit == "gwei" ? 1e9 : 1e18;
  double value = coins * static_cast<double>(ether_wei) / unit;
  value = std::clamp(value, schema.min.value_or(value), schema.max.value_or(value));
  if (schema.type != ParameterType::number) value = std::floor(value);
  for (gantry_parameter& row : parameters.rows()) {
    if (std::string_view(row.name.data, row.name.size) != schema.name) continue;
    row.number = value;
    row.integer = static_cast<std::int64_t>(value);
    u256 amount;
    static_cast<void>(from_double_floor(value, amount));
    row.amount = amount;
  }
  u256 wei;
  static_cast<void>(from_double_floor(value * unit, wei));
  return wei;
}

// What is granted under one cap.
class CapTrial {
 public:
  CapTrial(Payer& payer, const u256& cap) : payer_(payer), cap_(cap) {}

  bool asks = false;        // its service
  std::size_t granted = 0;  // at all
  std::size_t held = 0;     // against the cap: what it pays for itself

  void ask(Random& random) {
    for (const std::uint32_t version : versions) {
      for (unsigned bits = 8; bits < 250; bits += 6) {
        const Operation operation = begin(version, random);
        for (const std::string& body : grants(gas_of(random, bits))) {
          for (std::uint32_t round = 0; round < 2; ++round) grants_within(operation, round, body);
        }
      }
      // From the least gas to the most that it grants, one by one bit: the last is at its border.
      const Operation operation = begin(version, random);
      const std::size_t shapes = grants(u256(1)).size();
      for (std::size_t shape = 0; shape < shapes; ++shape) {
        for (std::uint32_t round = 0; round < 2; ++round) to_border(operation, round, shape);
      }
    }
  }

 private:
  static constexpr unsigned gas_bits_max = 40;  // what is above costs more than any cap here

  Operation begin(std::uint32_t version, Random& random) {
    Operation operation = operation_of(version, random);
    Sent sent;
    asks = payer_.request(operation, 0, sent) == GANTRY_OK || asks;
    return operation;
  }

  void to_border(const Operation& operation, std::uint32_t round, std::size_t shape) {
    u256 gas(0);
    const auto grants_at = [&](const u256& at) {
      return grants_within(operation, round, grants(at)[shape]);
    };
    if (!grants_at(u256(1))) return;
    for (unsigned bit = gas_bits_max; bit-- > 0;) {
      const u256 more = wrapping_add(gas, shift_left(u256(1), bit));
      if (grants_at(more)) gas = more;
    }
  }

  // Whether it grants; what it may cost is then within the cap.
  bool grants_within(const Operation& operation, std::uint32_t round, const std::string& body) {
    const auto answered = payer_.response(operation, round, 200, body);
    const auto& s = answered.sponsorship;
    if (answered.status != GANTRY_OK || s.outcome != GANTRY_SPONSOR_GRANTED) return false;
    ++granted;
    ++held;
    require(u256(s.cost_max_wei) <= cap_,
            fmt::format("it says that up to {} wei may be charged, and its cap is {}",
                        to_string(u256(s.cost_max_wei)), to_string(cap_)));
    // Nothing in an operation without fees says what it costs: only what is granted can be held.
    if (s.fee_mode == GANTRY_FEE_ZERO) return true;
    require(s.fee_mode == GANTRY_FEE_PAYMASTER,
            fmt::format("it grants with fee mode {}", s.fee_mode));
    u256 cost;
    const bool fits = cost_at_least(operation.plain, s, cost);
    require(fits && cost <= cap_,
            fmt::format("it grants an operation that may cost {} wei, and its cap is {}",
                        fits ? to_string(cost) : "more than 2^256", to_string(cap_)));
    require(u256(s.cost_max_wei) >= cost,
            fmt::format("it says that at most {} wei will be charged, and the gas that it grants "
                        "costs {}",
                        to_string(u256(s.cost_max_wei)), to_string(cost)));
    require(s.paymaster.kind == GANTRY_ADDRESS_EVM,
            "it grants with a paymaster contract and names none");
    return true;
  }

  Payer& payer_;
  u256 cap_;
};

// Whole in each unit, or in no rounding's way: below what the kit's operations cost by themselves,
// and above it.
constexpr double caps_coins[] = {0x1p-10, 0x1p-4};

}  // namespace

void check_paymaster_cap(Subject& subject) {
  Loaded library(subject);
  Random random(subject.seed);
  const auto money = money_of(subject.file->manifest);
  bool asks = false;
  std::size_t granted = 0;
  std::size_t held = 0;
  for (const double coins : caps_coins) {
    Parameters parameters(subject.file->manifest, Pick::defaults, random);
    // Where the cap is not known there must still be some bound: a million ether is beyond it.
    u256 cap = wrapping_mul(u256(ether_wei), u256(1'000'000));
    if (money.size() == 1) cap = set_cap(parameters, *money.front(), coins);
    void* object = library.create(parameters);
    {
      Payer payer(library, object, true);
      CapTrial trial(payer, cap);
      trial.ask(random);
      asks = asks || trial.asks;
      granted += trial.granted;
      held += trial.held;
    }
    library.destroy(object);
  }
  if (held > 0 && money.size() != 1) {
    throw Untried{fmt::format(
        "it pays, and its manifest has {} parameters whose unit is ETH, gwei or wei, so its cap is "
        "not known and no cost was held against it: let the cap be the one that has such a unit. "
        "An operator who trusts it untried installs it with --unchecked",
        money.empty() ? "no" : fmt::to_string(money.size()))};
  }
  if (granted > 0) return;
  if (!asks) throw Skipped{"it asks nobody, and grants nothing"};
  throw Untried{
      "it asks its service, and takes none of the grants that the kit knows (ERC-7677, a quote), "
      "so no cost "
      "was held against its cap. An operator who trusts it untried installs it with --unchecked"};
}

void check_paymaster_garbage(Subject& subject) {
  Loaded library(subject);
  Random random(subject.seed);
  const Instance instance(library);
  Payer payer(library, instance.object(), true);
  std::vector<std::string> garbage{
      "",
      "null",
      "{",
      "}",
      "[]",
      "{}",
      "true",
      "0",
      "\"\"",
      "<html><body>502</body></html>",
      R"({"jsonrpc":"2.0","id":1})",
      R"({"jsonrpc":"2.0","id":1,"result":null})",
      R"({"jsonrpc":"2.0","id":1,"result":{}})",
      R"({"jsonrpc":"2.0","id":1,"result":[]})",
      R"({"jsonrpc":"2.0","id":1,"result":"0x"})",
      R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}})",
      R"({"jsonrpc":"2.0","id":1,"error":null})",
      R"({"error":7})",
      std::string(200'000, '['),
      std::string(100'000, ' '),
      std::string("\0\0\0", 3),
      R"({"jsonrpc":"2.0","id":1,"result":{"paymaster":7,"paymasterData":[]}})",
      R"({"jsonrpc":"2.0","id":1,"result":{"paymaster":"0x12","paymasterData":"0x1"}})",
      R"({"jsonrpc":"2.0","id":1,"result":{"paymasterAndData":"0x"}})"};
  for (int i = 0; i < 30; ++i) {
    std::string bytes(random.below(300), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.next());
    garbage.push_back(bytes);
  }
  const std::vector<std::string> whole = grants(u256(30'000));
  for (const std::uint32_t version : {6U, 7U}) {
    const Operation operation = operation_of(version, random);
    Sent sent;
    payer.request(operation, 0, sent);
    for (std::uint32_t round = 0; round < 2; ++round) {
      for (const std::string& body : garbage) {
        for (const std::uint32_t http : {200U, 500U}) {
          require(!promises(payer.response(operation, round, http, body)),
                  fmt::format("it grants on an answer that is none: `{}`", body.substr(0, 80)));
        }
      }
      for (const std::string& body : whole) {
        const std::size_t step = 1 + body.size() / 60;
        for (std::size_t size = 0; size < body.size(); size += step) {
          require(!promises(payer.response(operation, round, 200, body.substr(0, size))),
                  fmt::format("it grants on an answer that is cut after {} of {} bytes", size,
                              body.size()));
        }
        for (const std::uint32_t http : {0U, 400U, 401U, 404U, 429U, 500U, 503U}) {
          require(!promises(payer.response(operation, round, http, body)) || http == 0,
                  fmt::format("it grants on HTTP status {}", http));
        }
      }
    }
  }
}

void check_paymaster_secrets(Subject& subject) {
  Loaded library(subject);
  // A secret where a plugin that looks for it would find it; the host's own environment is empty.
  const std::string secret = fmt::format("s3cr3t{:016x}", subject.seed * 0x9E3779B97F4A7C15ULL);
  ::setenv("KIT_SECRET", secret.c_str(), 1);
  Random random(subject.seed);
  const Instance instance(library);
  Payer payer(library, instance.object(), false);
  std::size_t sent_count = 0;
  std::size_t named = 0;
  for (const ParameterSchema& schema : subject.file->manifest.parameters) {
    named += schema.type == ParameterType::secret ? 1 : 0;
  }
  bool names_it = named == 0;
  for (const std::uint32_t version : versions) {
    const Operation operation = operation_of(version, random);
    for (std::uint32_t round = 0; round < rounds_max; ++round) {
      Sent sent;
      if (payer.request(operation, round, sent) != GANTRY_OK) continue;
      ++sent_count;
      require(sent.all.find(secret) == std::string::npos,
              "its request carries the value of a secret from the environment: it must be named, "
              "as ${NAME}");
      require(sent.url.starts_with("https://") || sent.url.starts_with("http://") ||
                  sent.url.starts_with("${"),
              fmt::format("it sends to `{}`, which is no address of a service",
                          sent.url.substr(0, 60)));
      names_it = names_it || sent.all.find("${KIT_SECRET}") != std::string::npos;
    }
  }
  ::unsetenv("KIT_SECRET");
  if (sent_count == 0) throw Skipped{"it sends no request"};
  require(names_it, "its secret parameter is in none of its requests as ${NAME}");
}

void check_paymaster_bad_input(Subject& subject) {
  Loaded library(subject);
  Random random(subject.seed);
  const Instance instance(library);
  Payer payer(library, instance.object(), true);
  Sent sent;
  for (const std::uint32_t version : {0U, 1U, 5U, 6U, 7U, 8U, 9U, 10U, UINT32_MAX}) {
    for (int odd = 0; odd < 12; ++odd) {
      Operation operation = operation_of(version, random);
      auto& o = operation.plain;
      switch (odd) {
        case 1:
          o.call_gas_limit = o.verification_gas_limit = u256::max();
          break;
        case 2:
          o.max_fee_per_gas = u256::max();
          break;
        case 3:
          o.call_gas_limit = o.verification_gas_limit = o.pre_verification_gas = u256(0);
          break;
        case 4:
          operation.call_data.clear();
          operation.signature.clear();
          break;
        case 5:
          o.sender = {};
          break;
        case 6:
          o.sender.kind = 250;
          o.sender.length = 255;
          break;
        case 7:
          o.chain_id = UINT64_MAX;
          break;
        case 8:
          o.entry_point = {};
          break;
        case 9:
          operation.call_data.assign(50'000, '\xFF');
          break;
        case 10:
          o.factory = {};
          o.factory.kind = GANTRY_ADDRESS_SOLANA;
          o.factory.length = 32;
          break;
        case 11:
          o.paymaster = address_of(0x99);
          operation.paymaster_data.assign(77, '\x01');
          o.paymaster_verification_gas_limit = u256::max();
          break;
        default:
          break;
      }
      payer.supports(operation);
      for (const std::uint32_t round : {0U, 1U, 2U, 99U, UINT32_MAX}) {
        payer.request(operation, round, sent);
        payer.request(operation, round, sent, true);
        for (const std::string& body : grants(u256(40'000))) {
          payer.response(operation, round, 200, body);
        }
      }
    }
  }
}

void work_paymaster(const Subject&, Loaded& library, void* object, std::uint64_t seed,
                    const Workout& workout) {
  Payer payer(library, object, workout.guarded, workout.transcript);
  Random random(seed);
  for (const std::uint32_t version : versions) {
    for (int n = 0; n < 4; ++n) {
      const Operation operation = operation_of(version, random);
      payer.supports(operation);
      for (std::uint32_t round = 0; round < rounds_max; ++round) {
        Sent sent;
        payer.request(operation, round, sent);
        for (const std::string& body : grants(u256(20'000 + random.below(50'000)))) {
          payer.response(operation, round, 200, body);
        }
        payer.response(operation, round, 200,
                       R"({"jsonrpc":"2.0","id":1,"error":{"code":-32500,"message":"AA21"}})");
        payer.response(operation, round, 429, "slow down");
        payer.response(operation, round, 200, "garbage");
      }
    }
  }
}

}  // namespace gantry::host::kit
