#include "sign_fixture.hpp"
#include "support/allocations.hpp"

using namespace gantry::host;
using namespace gantry::host::sign;
using namespace gantry::host::test;

TEST_CASE("signing a transaction with a key of this process allocates nothing") {
  const auto signer = signer_of(some_key);
  for (const TransactionType type :
       {TransactionType::legacy, TransactionType::access_list, TransactionType::dynamic_fee}) {
    const Transaction transaction = some_transaction(type);
    std::vector<std::uint8_t> buffer(TransactionEncoder::buffer_size(transaction));
    bool good = true;
    const auto count = gantry::test::allocations_of([&] {
      for (int i = 0; i < 100; ++i) good = good && signer->sign(transaction, buffer).has_value();
    });
    CHECK(good);
    CHECK(count == 0);
  }
}
