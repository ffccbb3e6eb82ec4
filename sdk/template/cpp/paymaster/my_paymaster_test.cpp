// The paymaster against a fake host: what it asks for, and what it logs.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "gantry/testing/expect.h"
#include "gantry/testing/fake_host.h"

int main() {
  static gantry_fake_host host;
  static gantry_fake_http http;
  gantry_error error{};
  gantry_fake_host_init(&host);
  EXPECT(gantry_plugin.init(&host.table, &error) == GANTRY_OK);
  const auto* table =
      static_cast<const gantry_paymaster_v1*>(gantry_plugin.get_interface(GANTRY_PAYMASTER_ID));
  const gantry_instance_config config = gantry_fake_config(nullptr, 0);
  gantry_paymaster_instance* paymaster = nullptr;
  if (table == nullptr || table->create(&host.table, &config, &paymaster, &error) != GANTRY_OK) {
    std::fprintf(stderr, "no paymaster: %s\n", error.message);
    return 1;
  }

  const gantry_context context = gantry_fake_context();
  gantry_user_operation operation{};
  operation.entry_point_version = 7;
  operation.sender = gantry_fake_address(1);
  EXPECT(table->supports(paymaster, &context, &operation) == GANTRY_OK);
  gantry_fake_http_init(&http);
  EXPECT(table->request(paymaster, &context, &operation, 0, &http.table) == GANTRY_REFUSED);
  EXPECT(http.count == 0);
  EXPECT(std::strstr(host.line, "declined an operation of 0 bytes on eip155:1") == host.line);
  EXPECT(gantry_fake_counted(&host, "declined") == 1);

  table->destroy(paymaster);
  gantry_plugin.deinit();
  return expect_verdict();
}
