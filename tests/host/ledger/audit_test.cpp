// gantry audit verify and gantry audit report, as their users run them.
#include <sqlite3.h>

#include <boost/json.hpp>

#include "../cli/program.hpp"
#include "fixture.hpp"

using namespace gantry::host;
using namespace gantry::host::ledger;
using namespace gantry::host::ledger::test;
using gantry::host::tests::Ended;
using gantry::host::tests::Workspace;
namespace json = boost::json;

namespace {

std::string option(const Desk& desk) { return "--ledger=" + desk.path().string(); }

}  // namespace

TEST_CASE("without a ledger audit says so, and where it looked") {
  Workspace space;
  space.append("gantry.toml", "\n[ledger]\npath = \"books/ledger.sqlite\"\n");
  for (const char* command : {"verify", "report"}) {
    const Ended ended = space.run({"audit", command});
    CHECK(ended.code == 1);
    has(ended.err, "config/books/ledger.sqlite: there is no ledger yet");
  }
  space.edit("gantry.toml", "books/ledger.sqlite", "../books");
  std::filesystem::create_directories(space / "books");
  has(space.run({"audit", "report"}).err, "is a folder, and no ledger");
}

TEST_CASE("audit works whatever else is wrong in the configuration, but for [ledger]") {
  Desk desk;
  desk.trade("a");
  Workspace space;
  space.append("gantry.toml",
               fmt::format("\n[risk2]\nx = 1\n[ledger]\npath = \"{}\"\n", desk.path().string()));
  const Ended good = space.run({"audit", "verify"});
  INFO(good.err);
  CHECK(good.code == 0);
  has(good.out, "whole");
  space.edit("gantry.toml", "path = \"" + desk.path().string() + "\"", "path = 7");
  const Ended bad = space.run({"audit", "verify"});
  CHECK(bad.code == 2);
  has(bad.err, "ledger.path is the integer 7");
}

TEST_CASE("a whole ledger verifies while a host has it open, and a changed one ends with 3") {
  Desk desk;
  desk.trade("a");
  const Workspace space;
  const Ended whole = space.run({"audit", "verify", option(desk), "--json"});
  INFO(whole.err);
  CHECK(whole.code == 0);
  const json::object said = json::parse(whole.out).as_object();
  CHECK(said.at("whole") == true);
  CHECK(said.at("rows") == said.at("proven"));
  const std::string head(said.at("head").as_string());
  CHECK(space.run({"audit", "verify", option(desk), "--expect", head}).code == 0);
  std::string other = head;
  other.back() = other.back() == '0' ? '1' : '0';
  CHECK(space.run({"audit", "verify", option(desk), "--expect", other}).code == 3);
  const Ended wrong = space.run({"audit", "verify", option(desk), "--expect", "12"});
  CHECK(wrong.code == 2);
  has(wrong.err, "--expect 12: is no head");
  const Ended no_key = space.run({"audit", "verify", option(desk), "--public-key", "/none"});
  CHECK(no_key.code == 1);
  has(no_key.err, "/none: cannot be read");

  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(desk.path().c_str(), &handle) == SQLITE_OK);
  sqlite3_exec(handle, "UPDATE intent SET strategy = 'x'; UPDATE result SET gas_used = 1", nullptr,
               nullptr, nullptr);
  sqlite3_close(handle);
  const Ended changed = space.run({"audit", "verify", option(desk)});
  CHECK(changed.code == 3);
  has(changed.out, "not whole");
  has(changed.out, "is of intent 1, which the tables have otherwise");
  has(changed.out, "are chained and signed");
}

TEST_CASE("the report has profit by strategy, venue, day and chain, with totals in both units") {
  Desk desk;
  desk.trade("a", "triangular", 0);
  desk.trade("b", "triangular", 1);
  desk.trade("c", "statistical", 1);
  value_of(desk.ledger->result(desk.record("d", "statistical"), receipt(false, 1)));
  const Workspace space;
  const Ended table = space.run({"audit", "report", option(desk)});
  INFO(table.err << table.out);
  CHECK(table.code == 0);
  has(table.out, "triangular");
  has(table.out, "0.012");
  has(table.out, "24.00");
  has(table.out, "total");
  has(table.out, "36.00");
  has(table.out, "The profit of 1 trade is not reckoned yet and not in it.");
  for (const std::string by : {"strategy", "venue", "day", "chain"}) {
    const Ended ended = space.run({"audit", "report", option(desk), "--by", by, "--json"});
    INFO(ended.out);
    CHECK(ended.code == 0);
    const json::object said = json::parse(ended.out).as_object();
    CHECK(said.at("usd_e6") == 36'000'000);
    CHECK(said.at("totals").as_array().at(0).at("wei") == "18000000000000000");
    CHECK(said.at("rows").as_array().at(0).as_object().contains(by));
  }
  const Ended one_day = space.run(
      {"audit", "report", option(desk), "--from", "2020-09-13", "--to", "2020-09-13", "--json"});
  CHECK(json::parse(one_day.out).at("usd_e6") == 12'000'000);
  const Ended none = space.run({"audit", "report", option(desk), "--from", "2030-01-01"});
  CHECK(none.code == 0);
  has(none.out, "No trade was included in that time.");
  has(space.run({"audit", "report", option(desk), "--from", "2030-02-30"}).err, "is no day");
  const Ended reversed =
      space.run({"audit", "report", option(desk), "--from", "2030-02-02", "--to", "2030-02-01"});
  CHECK(reversed.code == 2);
  CHECK(space.run({"audit", "report", option(desk), "--by", "colour"}).code == 2);
  CHECK(space.run({"audit"}).code == 2);
}
