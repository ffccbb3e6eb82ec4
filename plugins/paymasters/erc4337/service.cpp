#include "plugins/paymasters/erc4337/service.hpp"

#include <boost/json/serialize.hpp>
#include <vector>

#include "plugins/paymasters/erc4337/operation_json.hpp"

namespace gantry::erc4337 {
namespace {

namespace json = boost::json;

constexpr double wei_per_ether = 1e18;
constexpr std::string_view chain_prefix = "eip155:";
constexpr std::string_view chain_variable = "${CHAIN_ID}";

std::string with_chain(std::string text, std::string_view chain_number) {
  for (auto at = text.find(chain_variable); at != std::string::npos;
       at = text.find(chain_variable, at + chain_number.size())) {
    text.replace(at, chain_variable.size(), chain_number);
  }
  return text;
}

// A key must not cross a network in the clear.
bool is_safe_url(std::string_view url) {
  for (const std::string_view start :
       {"https://", "${", "http://127.0.0.1:", "http://127.0.0.1/",
        "http://localhost:", "http://localhost/", "http://[::1]:", "http://[::1]/"}) {
    if (url.starts_with(start)) return true;
  }
  return false;
}

}  // namespace

Service::Service(const Config& config)
    : timeout_ms_(static_cast<std::uint32_t>(config.integer("timeout_ms"))),
      retry_after_ms_(static_cast<std::uint32_t>(config.integer("retry_after_ms"))) {
  const std::string_view chain = config.chain();
  const auto number = chain.starts_with(chain_prefix)
                          ? parse_decimal(chain.substr(chain_prefix.size()))
                          : std::nullopt;
  if (!number || !number->fits_u64()) {
    throw Refused("chain " + std::string(chain) + " is no EVM chain; ERC-4337 needs one");
  }
  chain_id_ = number->limb(0);
  url_ = with_chain(std::string(config.string("url")), std::to_string(chain_id_));
  if (!is_safe_url(url_)) throw Refused("url must begin with https:// (or be on this machine)");
  if (!from_double_floor(config.number("max_cost_eth") * wei_per_ether, cost_max_wei_)) {
    throw Refused("max_cost_eth is no amount");
  }
}

bool Service::serves(const gantry_user_operation& operation) const {
  return operation.chain_id == chain_id_ && is_known_version(operation);
}

gantry_status Service::emit(const char* method, json::array parameters,
                            std::span<const gantry_http_header> headers,
                            const gantry_http_sink* sink) const {
  json::object call;
  call["jsonrpc"] = "2.0";
  call["id"] = 1;
  call["method"] = method;
  call["params"] = std::move(parameters);
  const std::string body = json::serialize(call);
  std::vector<gantry_http_header> all = {{c_string("content-type"), c_string("application/json")},
                                         {c_string("accept"), c_string("application/json")}};
  all.insert(all.end(), headers.begin(), headers.end());
  gantry_http_request request{};
  request.method = c_string("POST");
  request.url = c_string(url_);
  request.headers = all.data();
  request.header_count = static_cast<std::uint32_t>(all.size());
  request.timeout_ms = timeout_ms_;
  request.body = {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
  return sink->emit(sink->self, &request);
}

gantry_status Service::refuse(const Answer& answer, gantry_sponsorship& out) const {
  if (answer.reading == Reading::garbage) return GANTRY_BAD_STATE;
  out.provider_code = answer.code;
  out.provider_message = c_string(answer.message);
  out.outcome = answer.outcome;
  if (out.outcome == GANTRY_SPONSOR_RETRY_SAME) out.retry_after_ms = retry_after_ms_;
  return GANTRY_OK;
}

std::string without_secret(const char* name, std::string_view text) {
  if (text.find("${") != std::string_view::npos) {
    throw Refused(std::string(name) + " is sent in the body, where ${NAME} is not replaced");
  }
  return std::string(text);
}

}  // namespace gantry::erc4337
