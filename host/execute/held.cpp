#include "host/execute/held.hpp"

#include "host/base/text.hpp"

namespace gantry::host {

Result<OneWayTrade> exchange_of(const ledger::Intent& intent, const ledger::StoredResult& result) {
  const auto in = parse_evm_address(intent.token_in);
  const auto out = parse_evm_address(intent.token_out);
  if (!in || !out || !result.realised || !result.realised->exchange) {
    return fail(ErrorKind::format, "the ledger has an exchange of tokens that are none");
  }
  const ledger::Exchange& what = *result.realised->exchange;
  return OneWayTrade{intent.strategy,
                     *in,
                     *out,
                     what.spent,
                     what.received,
                     what.worth_wei,
                     static_cast<std::uint64_t>(result.receipt.block_time_s)};
}

Result<Positions> positions_of(std::span<const ledger::Trade> exchanges) {
  Positions out;
  for (const ledger::Trade& trade : exchanges) {
    if (!trade.result) continue;
    const auto made = exchange_of(trade.intent.intent, *trade.result);
    if (!made) return std::unexpected(made.error());
    (void)out.apply(*made);
  }
  return out;
}

}  // namespace gantry::host
