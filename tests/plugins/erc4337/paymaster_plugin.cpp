#include "plugins/erc4337/paymaster_plugin.hpp"

#include <array>
#include <catch2/catch.hpp>

namespace gantry::test {
namespace {

gantry_string text(std::string_view s) { return {s.data(), s.size()}; }
std::string copy(gantry_string s) { return {s.data, s.size}; }

gantry_parameter row(std::string_view name, std::int32_t type) {
  gantry_parameter parameter{};
  parameter.name = text(name);
  parameter.type = type;
  return parameter;
}

gantry_status keep(void* self, const gantry_http_request* request) {
  auto& out = *static_cast<SentRequest*>(self);
  out.method = copy(request->method);
  out.url = copy(request->url);
  out.headers.clear();
  for (std::uint32_t i = 0; i < request->header_count; ++i) {
    out.headers.emplace_back(copy(request->headers[i].name), copy(request->headers[i].value));
  }
  out.timeout_ms = request->timeout_ms;
  out.body.assign(reinterpret_cast<const char*>(request->body.data), request->body.size);
  return GANTRY_OK;
}

}  // namespace

gantry_parameter string_row(std::string_view name, std::string_view value) {
  auto parameter = row(name, GANTRY_PARAMETER_STRING);
  parameter.string = text(value);
  return parameter;
}

gantry_parameter integer_row(std::string_view name, std::int64_t value) {
  auto parameter = row(name, GANTRY_PARAMETER_INTEGER);
  parameter.integer = value;
  return parameter;
}

gantry_parameter number_row(std::string_view name, double value) {
  auto parameter = row(name, GANTRY_PARAMETER_NUMBER);
  parameter.number = value;
  return parameter;
}

PaymasterPlugin::PaymasterPlugin(const char* library, const std::vector<gantry_parameter>& rows,
                                 std::string_view chain)
    : library_(library) {
  const gantry_instance_config config{text("it"), text(chain), rows.data(),
                                      static_cast<std::uint32_t>(rows.size()), 0};
  context_.chain = text("eip155:1");
  created_ = table_->create(&PluginLibrary::silent_host(), &config, &instance_, &error_);
}

PaymasterPlugin::~PaymasterPlugin() { table_->destroy(instance_); }

gantry_status PaymasterPlugin::supports(const gantry_user_operation& operation) {
  return table_->supports(instance_, &context_, &operation);
}

gantry_status PaymasterPlugin::request(const gantry_user_operation& operation, std::uint32_t round,
                                       SentRequest& out) {
  const gantry_http_sink sink{&out, &keep};
  return table_->request(instance_, &context_, &operation, round, &sink);
}

gantry_status PaymasterPlugin::response(const gantry_user_operation& operation, std::uint32_t round,
                                        std::uint32_t http_status, std::string_view body,
                                        gantry_sponsorship& out) {
  const gantry_bytes bytes{reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
  return table_->response(instance_, &context_, &operation, round, http_status, bytes, &out);
}

gantry_address evm_address(std::string_view hex) {
  REQUIRE(hex.size() == 42);
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  for (std::size_t i = 0; i < 20; ++i) {
    address.bytes[i] =
        static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(2 + 2 * i, 2)), nullptr, 16));
  }
  return address;
}

std::string hex_of(gantry_bytes bytes) {
  std::string out = "0x";
  for (std::uint64_t i = 0; i < bytes.size; ++i) {
    out += "0123456789abcdef"[bytes.data[i] >> 4U];
    out += "0123456789abcdef"[bytes.data[i] & 15U];
  }
  return out;
}

std::string hex_of(const gantry_address& address) {
  return hex_of(gantry_bytes{address.bytes, address.length});
}

u256 amount_of(const gantry_amount& amount) { return u256(amount); }

std::set<std::string> keys_of(const boost::json::object& object) {
  std::set<std::string> keys;
  for (const auto& member : object) keys.emplace(member.key());
  return keys;
}

gantry_user_operation sample_operation(std::uint32_t entry_point_version) {
  static constexpr std::array<std::uint8_t, 6> call = {0xb6, 0x1d, 0x27, 0xf6, 0x00, 0x0a};
  static constexpr std::array<std::uint8_t, 4> signature = {0xff, 0x00, 0xff, 0x1c};
  gantry_user_operation operation{};
  operation.entry_point =
      evm_address(entry_point_version == 6   ? "0x5ff137d4b0fdcd49dca30c7cf57e578a026d2789"
                  : entry_point_version == 7 ? "0x0000000071727de22e5e9d8baf0edac6f37da032"
                                             : "0x4337084d9e255ff0702461cf8895ce9e3b5ff108");
  operation.entry_point_version = entry_point_version;
  operation.stub_signature = 1;
  operation.sender = evm_address("0x00112233445566778899aabbccddeeff00112233");
  operation.nonce = u256(1).amount();
  operation.call_data = {call.data(), call.size()};
  operation.call_gas_limit = u256(0x30d40).amount();
  operation.verification_gas_limit = u256(0x186a0).amount();
  operation.pre_verification_gas = u256(0xc350).amount();
  operation.max_fee_per_gas = u256(30'000'000'000).amount();
  operation.max_priority_fee_per_gas = u256(1'000'000'000).amount();
  operation.signature = {signature.data(), signature.size()};
  operation.chain_id = 1;
  return operation;
}

}  // namespace gantry::test
