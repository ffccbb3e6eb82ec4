// From the ledger's trades between two tokens to what is held.
//
// THREADS  Pure: any.
#pragma once
#include <span>

#include "host/base/result.hpp"
#include "host/ledger/queries.hpp"
#include "host/risk/positions.hpp"

namespace gantry::host {

// Of a result that has an exchange. Fails with `format` where its tokens are none.
Result<OneWayTrade> exchange_of(const ledger::Intent& intent, const ledger::StoredResult& result);

// What ledger::Reader::exchanges() of one chain amounts to.
Result<Positions> positions_of(std::span<const ledger::Trade> exchanges);

}  // namespace gantry::host
