#include "host/sponsor/desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "gantry/u256_convert.hpp"
#include "host/config/capabilities.hpp"
#include "host/log/log.hpp"
#include "host/plan/requests.hpp"

namespace gantry::host {

namespace {

constexpr std::uint32_t sponsor_rounds_max = 4;
constexpr std::size_t paymaster_data_bytes_max = 64U << 10U;
constexpr std::uint32_t submit_headers_max = 32;
constexpr std::uint64_t submit_text_bytes_max = 8U << 10U;

std::string_view text_view(gantry_string s) {
  return s.data == nullptr ? std::string_view() : std::string_view(s.data, s.size);
}

gantry_bytes bytes_view(const std::vector<std::uint8_t>& bytes) {
  return {bytes.data(), bytes.size()};
}

// The operation as a plugin reads it; valid as long as `operation` does not change.
gantry_user_operation face_of(const sign::UserOperation& operation,
                              const sign::EntryPoint& entry_point) {
  gantry_user_operation face{};
  face.entry_point = sign::to_gantry(entry_point.address);
  face.entry_point_version = static_cast<std::uint32_t>(entry_point.version);
  face.stub_signature = 1;
  face.sender = sign::to_gantry(operation.sender);
  face.nonce = operation.nonce.amount();
  if (operation.factory) face.factory = sign::to_gantry(*operation.factory);
  face.factory_data = bytes_view(operation.factory_data);
  face.call_data = bytes_view(operation.call_data);
  face.call_gas_limit = operation.call_gas_limit.amount();
  face.verification_gas_limit = operation.verification_gas_limit.amount();
  face.pre_verification_gas = operation.pre_verification_gas.amount();
  face.max_fee_per_gas = operation.max_fee.amount();
  face.max_priority_fee_per_gas = operation.max_priority_fee.amount();
  face.signature = bytes_view(operation.signature);
  face.chain_id = entry_point.chain_id;
  if (operation.paymaster) face.paymaster = sign::to_gantry(*operation.paymaster);
  face.paymaster_data = bytes_view(operation.paymaster_data);
  face.paymaster_verification_gas_limit = operation.paymaster_verification_gas_limit.amount();
  face.paymaster_post_op_gas_limit = operation.paymaster_post_op_gas_limit.amount();
  return face;
}

void take(u256& limit, const gantry_amount& granted) {
  if (!u256(granted).is_zero()) limit = u256(granted);
}

// What the EntryPoint takes beforehand: every gas limit at the highest fee. 0.6 counts verification
// three times where a paymaster pays (EntryPoint._getRequiredPrefund). False: above 256 bits.
bool prefund_of(const sign::UserOperation& operation, sign::EntryPointVersion version, u256& out) {
  const bool first = version == sign::EntryPointVersion::v0_6;
  u256 gas = operation.pre_verification_gas;
  return add(gas, operation.call_gas_limit, gas) &&
         add(gas, operation.verification_gas_limit, gas) &&
         add(gas,
             first ? operation.verification_gas_limit : operation.paymaster_verification_gas_limit,
             gas) &&
         add(gas, first ? operation.verification_gas_limit : operation.paymaster_post_op_gas_limit,
             gas) &&
         mul(gas, operation.max_fee, out);
}

// Merges what was granted; a reason why it cannot be, or nothing.
std::string merge(const gantry_sponsorship& said, sign::UserOperation& operation) {
  take(operation.call_gas_limit, said.call_gas_limit);
  take(operation.verification_gas_limit, said.verification_gas_limit);
  take(operation.pre_verification_gas, said.pre_verification_gas);
  if (said.fee_mode == GANTRY_FEE_ZERO) {
    operation.max_fee = operation.max_priority_fee = u256();
    operation.paymaster.reset();
    operation.paymaster_data.clear();
    operation.paymaster_verification_gas_limit = operation.paymaster_post_op_gas_limit = u256();
    return {};
  }
  if (said.fee_mode != GANTRY_FEE_PAYMASTER) return fmt::format("fee mode {}", said.fee_mode);
  if (said.paymaster.kind != GANTRY_ADDRESS_EVM || said.paymaster.length != 20) {
    return "no paymaster contract";
  }
  if (said.paymaster_data.size > paymaster_data_bytes_max ||
      (said.paymaster_data.size > 0 && said.paymaster_data.data == nullptr)) {
    return "paymaster data over a bound";
  }
  operation.paymaster = sign::evm_address(said.paymaster);
  operation.paymaster_data.assign(said.paymaster_data.data,
                                  said.paymaster_data.data + said.paymaster_data.size);
  take(operation.paymaster_verification_gas_limit, said.paymaster_verification_gas_limit);
  take(operation.paymaster_post_op_gas_limit, said.paymaster_post_op_gas_limit);
  return {};
}

// A bundler's estimate stands where it is higher: a sponsor signs over what is sent.
void raise(u256& limit, const u256& estimated) {
  if (limit < estimated) limit = estimated;
}

// What a call is estimated at, and a quarter. The estimate is of the block that was: in a later one
// the same swaps write more, as a pair adds up its prices in its first swap of each block. A call
// that runs out of gas is paid for and trades nothing; of what is left over, EntryPoint 0.7 and
// later charge a tenth.
u256 call_limit_of(const u256& estimated) {
  u256 limit;
  if (!mul(estimated, u256(5), limit) || !div_ceil(limit, u256(4), limit)) return estimated;
  return limit;
}

}  // namespace

std::string_view to_string(SponsorVerdict verdict) {
  switch (verdict) {
    case SponsorVerdict::granted:
      return "granted";
    case SponsorVerdict::refused:
      return "refused";
    case SponsorVerdict::busy:
      return "busy";
    case SponsorVerdict::our_fault:
      return "the operation is bad";
    case SponsorVerdict::no_answer:
      return "no answer";
    case SponsorVerdict::garbage:
      return "no valid answer";
    case SponsorVerdict::over_cap:
      return "over the cap";
    case SponsorVerdict::not_allowed:
      return "not allowed to ask";
    case SponsorVerdict::unsupported:
      return "not for this chain or entry point";
    case SponsorVerdict::retired:
      return "retired";
    case SponsorVerdict::plugin_fault:
      return "its plugin is faulty";
    case SponsorVerdict::no_estimate:
      return "no gas estimate";
  }
  return "?";
}

// One service being asked about one operation.
struct SponsorDesk::Asked {
  SponsorDesk& desk;
  const PaymasterInstance& instance;
  const SponsorOrder& order;
  SponsorAttempt attempt;
  SponsoredOperation result;
  bool slowed_down = false;

  SponsorAttempt end(SponsorVerdict verdict, std::string message, std::int32_t code = 0) {
    attempt.verdict = verdict;
    attempt.message = std::move(message);
    attempt.code = code;
    return attempt;
  }

  std::expected<HttpEndpoint, std::string> endpoint_of(
      std::string_view url, const std::vector<std::pair<std::string, std::string>>& headers) const {
    auto endpoint =
        resolve_endpoint(url, headers, instance.settings.parameters, desk.ports_.environment);
    if (!endpoint) return std::unexpected(endpoint.error().message);
    return std::move(*endpoint);
  }

  // The host checks for itself what the plugin says it checked.
  std::optional<SponsorAttempt> refuse_grant(const gantry_sponsorship& said) {
    const auto& entry_point = desk.bundler_.entry_point();
    if (auto whole = check_user_operation(result.operation, entry_point.version); !whole) {
      return end(SponsorVerdict::garbage, whole.error().message);
    }
    u256 cost = u256(said.cost_max_wei);
    if (said.fee_mode == GANTRY_FEE_PAYMASTER &&
        !prefund_of(result.operation, entry_point.version, cost)) {
      return end(SponsorVerdict::over_cap, "it could cost more than 2^256 wei");
    }
    if (cost > order.cost_max) {
      return end(SponsorVerdict::over_cap,
                 fmt::format("it could cost {} wei, and the trade may cost {}", to_string(cost),
                             to_string(order.cost_max)));
    }
    result.cost_max = cost;
    const std::uint64_t now_s = order.context->execution_time_s;
    if (said.valid_until_s != 0 && said.valid_until_s < now_s) {
      return end(SponsorVerdict::refused, fmt::format("its signature was valid until {}, and the "
                                                      "block's time is {}",
                                                      said.valid_until_s, now_s));
    }
    result.valid_until_s = said.valid_until_s;
    return take_submit(said);
  }

  std::optional<SponsorAttempt> take_submit(const gantry_sponsorship& said) {
    const std::string_view url = text_view(said.submit_url);
    if (url.empty()) return std::nullopt;
    if (url.size() > submit_text_bytes_max || said.submit_header_count > submit_headers_max ||
        (said.submit_header_count > 0 && said.submit_headers == nullptr)) {
      return end(SponsorVerdict::garbage, "where to send it is over a bound");
    }
    if (!may_request(instance.settings, url)) {
      return end(SponsorVerdict::not_allowed,
                 fmt::format("it may not send to {0}: add \"http:{0}\" to its `capabilities`",
                             host_of_url(url)));
    }
    std::vector<std::pair<std::string, std::string>> headers;
    for (std::uint32_t i = 0; i < said.submit_header_count; ++i) {
      headers.emplace_back(text_view(said.submit_headers[i].name),
                           text_view(said.submit_headers[i].value));
    }
    auto endpoint = endpoint_of(url, headers);
    if (!endpoint) return end(SponsorVerdict::not_allowed, endpoint.error());
    result.submit = std::move(*endpoint);
    return std::nullopt;
  }

  // The stub is in: what does it take?
  std::optional<SponsorAttempt> estimate() {
    const auto gas = desk.bundler_.estimate(result.operation, order.deadline);
    if (!gas) {
      const bool ours = gas.error().fault == BundlerFault::operation;
      return end(ours ? SponsorVerdict::our_fault : SponsorVerdict::no_estimate,
                 gas.error().message, static_cast<std::int32_t>(gas.error().code));
    }
    auto& operation = result.operation;
    raise(operation.call_gas_limit, call_limit_of(gas->call));
    raise(operation.verification_gas_limit, gas->verification);
    raise(operation.pre_verification_gas, gas->pre_verification);
    raise(operation.paymaster_verification_gas_limit, gas->paymaster_verification);
    raise(operation.paymaster_post_op_gas_limit, gas->paymaster_post_op);
    return std::nullopt;
  }

  // One round. nullopt: another has to follow.
  std::optional<SponsorAttempt> round(bool probe) {
    const auto face = face_of(result.operation, desk.bundler_.entry_point());
    RequestList requests(instance.settings);
    const gantry_http_sink sink = requests.sink();
    const auto asked = instance.call<&gantry_paymaster_v1::request>(Phase::sponsor, order.context,
                                                                    &face, attempt.round, &sink);
    if (!requests.refused().empty()) return end(SponsorVerdict::not_allowed, requests.refused());
    if (asked == GANTRY_REFUSED) {
      return end(SponsorVerdict::over_cap, "over its own cap before it was asked");
    }
    if (asked != GANTRY_OK || requests.all().size() != 1) {
      instance.health().accept(Phase::sponsor, asked, order.snapshot);
      return end(SponsorVerdict::plugin_fault,
                 fmt::format("request() of round {} ended with {} and {} requests", attempt.round,
                             status_name(asked), requests.all().size()));
    }
    PlannedRequest& planned = requests.all().front();
    auto endpoint = endpoint_of(planned.url, planned.headers);
    if (!endpoint) return end(SponsorVerdict::not_allowed, endpoint.error());
    HttpRequest request = post_to(*endpoint, std::move(planned.body));
    request.method = planned.method;
    if (planned.timeout_ms != 0) request.timeout_ms = planned.timeout_ms;
    return read(face, exchange(desk.ports_.http, std::move(request), order.deadline), probe);
  }

  std::optional<SponsorAttempt> read(const gantry_user_operation& face, const HttpOutcome& answer,
                                     bool probe) {
    const std::string_view body = answer ? std::string_view(answer->body) : std::string_view();
    const auto http_status = static_cast<std::uint32_t>(answer ? answer->status : 0);
    gantry_sponsorship said{};
    const auto status = instance.call<&gantry_paymaster_v1::response>(
        Phase::sponsor, order.context, &face, attempt.round, http_status,
        gantry_bytes{reinterpret_cast<const std::uint8_t*>(body.data()), body.size()}, &said);
    switch (status) {
      case GANTRY_OK:
        break;
      case GANTRY_NEED_STATE:
        ++attempt.round;
        return std::nullopt;
      case GANTRY_BAD_STATE:
        return end(SponsorVerdict::garbage, "an answer that does not decode",
                   static_cast<std::int32_t>(http_status));
      case GANTRY_REFUSED:
        return end(SponsorVerdict::over_cap, "granted at more than its cap");
      default:
        instance.health().accept(Phase::sponsor, status, order.snapshot);
        return end(SponsorVerdict::plugin_fault,
                   fmt::format("response() ended with {}", status_name(status)));
    }
    std::string why = said_line(text_view(said.provider_message));
    switch (said.outcome) {
      case GANTRY_SPONSOR_GRANTED:
      case GANTRY_SPONSOR_PROVISIONAL:
        return merged(said, probe);
      case GANTRY_SPONSOR_RETRY_OTHER:
        return answer ? end(SponsorVerdict::refused, std::move(why), said.provider_code)
                      : end(SponsorVerdict::no_answer, answer.error().message);
      case GANTRY_SPONSOR_RETRY_SAME:
        return wait(said.retry_after_ms, std::move(why), said.provider_code);
      case GANTRY_SPONSOR_OUR_FAULT:
        return end(SponsorVerdict::our_fault, std::move(why), said.provider_code);
      default:
        instance.health().strike(Phase::sponsor, fmt::format("outcome {}", said.outcome),
                                 order.snapshot);
        return end(SponsorVerdict::plugin_fault, fmt::format("outcome {}", said.outcome));
    }
  }

  std::optional<SponsorAttempt> merged(const gantry_sponsorship& said, bool probe) {
    if (auto bad = merge(said, result.operation); !bad.empty()) {
      return end(SponsorVerdict::garbage, "it grants with " + bad);
    }
    if (said.outcome == GANTRY_SPONSOR_GRANTED) {
      if (auto refused = refuse_grant(said)) return refused;
      return end(SponsorVerdict::granted, {});
    }
    if (probe) return end(SponsorVerdict::granted, {});
    if (auto failed = estimate()) return failed;
    ++attempt.round;
    return std::nullopt;
  }

  // Told to slow down: once more, where there is time for it.
  std::optional<SponsorAttempt> wait(std::uint32_t ms, std::string why, std::int32_t code) {
    const auto again = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
    if (slowed_down || again >= order.deadline) {
      return end(SponsorVerdict::busy, std::move(why), code);
    }
    slowed_down = true;
    std::this_thread::sleep_until(again);
    return std::nullopt;
  }
};

SponsorDesk::SponsorDesk(std::vector<std::shared_ptr<PaymasterInstance>> paymasters,
                         DeskPorts ports, const Bundler& bundler)
    : ports_(ports), bundler_(bundler) {
  for (auto& paymaster : paymasters) services_.push_back({std::move(paymaster), {}});
}

void SponsorDesk::use(const std::vector<std::shared_ptr<PaymasterInstance>>& paymasters) {
  std::vector<Service> services;
  for (const auto& paymaster : paymasters) {
    const auto known = std::ranges::find(services_, paymaster, &Service::instance);
    services.push_back({paymaster, known != services_.end() ? known->health : ServiceHealth()});
  }
  services_ = std::move(services);
}

SponsorDesk::Service* SponsorDesk::find(std::string_view paymaster) {
  for (Service& service : services_) {
    if (service.instance->name() == paymaster) return &service;
  }
  return nullptr;
}

SponsorAttempt SponsorDesk::ask(Service& service, const SponsorOrder& order, bool probe,
                                std::optional<SponsoredOperation>& granted) {
  const PaymasterInstance& instance = *service.instance;
  Asked asked{*this, instance, order, {}, {}};
  asked.attempt.paymaster = asked.result.paymaster = instance.name();
  asked.result.operation = order.operation;
  if (!instance.health().usable(order.snapshot)) {
    return asked.end(SponsorVerdict::plugin_fault, "retired for its faults");
  }
  const auto face = face_of(order.operation, bundler_.entry_point());
  const auto supported =
      instance.call<&gantry_paymaster_v1::supports>(Phase::sponsor, order.context, &face);
  if (supported != GANTRY_OK) {
    instance.health().accept(Phase::sponsor, supported, order.snapshot);
    return asked.end(SponsorVerdict::unsupported, std::string(status_name(supported)));
  }
  // Each round may be asked once more after being told to slow down.
  for (std::uint32_t tries = 0;
       tries < 2 * sponsor_rounds_max && asked.attempt.round < sponsor_rounds_max; ++tries) {
    if (std::chrono::steady_clock::now() >= order.deadline) {
      return asked.end(SponsorVerdict::no_answer, "the deadline passed");
    }
    if (auto end = asked.round(probe)) {
      if (end->verdict == SponsorVerdict::granted) granted = std::move(asked.result);
      return *end;
    }
  }
  return asked.end(SponsorVerdict::plugin_fault, "it wants more rounds than there are");
}

SponsorResult SponsorDesk::sponsor(const SponsorOrder& order) {
  std::vector<RankedService> standing;
  for (const Service& service : services_) {
    standing.push_back({&service.health, service.instance->settings.priority});
  }
  SponsorResult result;
  for (const std::size_t i : ranked(standing)) {
    Service& service = services_[i];
    const std::string& name = service.instance->name();
    if (std::ranges::find(order.except, name) != order.except.end()) continue;
    if (service.health.retired()) {
      result.attempts.push_back(
          {name, SponsorVerdict::retired, 0, 0,
           fmt::format("{} failures one after the other, the last: {}",
                       service.health.consecutive_failures(), service.health.last_failure())});
      continue;
    }
    result.attempts.push_back(ask(service, order, false, result.granted));
    const SponsorAttempt& attempt = result.attempts.back();
    switch (attempt.verdict) {
      case SponsorVerdict::granted:
      case SponsorVerdict::our_fault:
        return result;
      case SponsorVerdict::unsupported:
      case SponsorVerdict::over_cap:  // the trade is dear, which is nobody's failure
        break;
      default:
        service.health.failed(attempt.message, ports_.clock.now());
    }
  }
  return result;
}

void SponsorDesk::included(std::string_view paymaster, const u256& gas_cost) {
  if (Service* service = find(paymaster)) service->health.succeeded(gas_cost);
}

void SponsorDesk::failed(std::string_view paymaster, std::string why) {
  if (Service* service = find(paymaster)) {
    service->health.failed(std::move(why), ports_.clock.now());
  }
}

void SponsorDesk::probe(const SponsorOrder& order) {
  for (Service& service : services_) {
    if (!service.health.take_probe(ports_.clock.now())) continue;
    std::optional<SponsoredOperation> unused;
    const auto attempt = ask(service, order, true, unused);
    if (attempt.verdict == SponsorVerdict::granted) service.health.recovered();
  }
}

}  // namespace gantry::host
