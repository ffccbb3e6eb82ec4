/* The paymaster against a fake host: what it asks for, and what it logs. */
#include <stdlib.h>

#include "gantry/testing/expect.h"
#include "gantry/testing/fake_host.h"

int main(void) {
  static gantry_fake_host host;
  static gantry_fake_http http;
  gantry_error error;
  gantry_fake_host_init(&host);
  EXPECT(gantry_plugin.init(&host.table, &error) == GANTRY_OK);
  const gantry_paymaster_v1* table = gantry_plugin.get_interface(GANTRY_PAYMASTER_ID);
  const gantry_instance_config config = gantry_fake_config(NULL, 0);
  gantry_paymaster_instance* paymaster = NULL;
  if (table == NULL || table->create(&host.table, &config, &paymaster, &error) != GANTRY_OK) {
    fprintf(stderr, "no paymaster: %s\n", error.message);
    return EXIT_FAILURE;
  }

  const gantry_context context = gantry_fake_context();
  gantry_user_operation operation;
  memset(&operation, 0, sizeof(operation));
  operation.entry_point_version = 7;
  operation.sender = gantry_fake_address(1);
  EXPECT(table->supports(paymaster, &context, &operation) == GANTRY_OK);
  gantry_fake_http_init(&http);
  EXPECT(table->request(paymaster, &context, &operation, 0, &http.table) == GANTRY_REFUSED);
  EXPECT(http.count == 0);
  EXPECT(strstr(host.line, "declined an operation of 0 bytes on eip155:1") == host.line);
  EXPECT(gantry_fake_counted(&host, "declined") == 1);

  table->destroy(paymaster);
  gantry_plugin.deinit();
  return expect_verdict();
}
