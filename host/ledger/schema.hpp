// The ledger's tables, their version, and what makes a file a ledger. Internal to host/ledger.
//
// The trail (table audit) is what is true; the other tables are what it says, in a form that can be
// asked quickly, and `verify` compares them with it.
#pragma once
#include "host/base/result.hpp"
#include "host/ledger/sqlite.hpp"

namespace gantry::host::ledger {

inline constexpr std::int64_t schema_version = 3;
// Of the file's header, so that another program's database is not taken for a ledger.
inline constexpr std::int64_t application_id = 0x474c4447;  // "GLDG"

// Of a writer: sets durability, makes the tables in an empty file, and brings an earlier version's
// up to this one, whole or not at all. Fails with format: it is no ledger, of a newer version, or
// damaged.
Status prepare_schema(Connection& connection);
// Of a reader: the same checks, and nothing in the file is changed: an earlier version's lacks what
// came later, and reads as one in which there is none of it.
Status check_schema(Connection& connection);

}  // namespace gantry::host::ledger
