// Compiled recordings as users make and run them.
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/host/cli/program.hpp"

using namespace gantry::host::tests;

namespace {

const std::string shipped = GANTRY_SOURCE "/data/univ2_2020.gantry";

// The raw recording and the compiled one under one name, in two folders.
struct Recordings {
  Recordings() {
    for (const char* folder : {"raw", "compiled"}) {
      std::filesystem::create_directory(space / folder);
    }
    std::filesystem::copy_file(shipped, space / "raw" / "market.gantry");
    const Ended done = space.run({"import", "recording", shipped, "--out", compiled(), "--json"});
    INFO(done.err);
    REQUIRE(done.code == 0);
    CHECK(has(done.out, "\"facts\": 22704"));
    CHECK(has(done.out, "\"blocks\": 4036"));
    CHECK(has(done.out, "venue uniswap_v2 org.gantry.uniswap_v2 0.1.0"));
  }
  std::string compiled() const { return (space / "compiled" / "market.gantry").string(); }
  Ended run_in(const std::string& folder, std::vector<std::string> arguments) const {
    return space.shell("cd '" + (space / folder).string() + "' && \"$0\" \"$@\"",
                       std::move(arguments));
  }
  void check_same(const std::vector<std::string>& arguments) const {
    const Ended raw = run_in("raw", arguments);
    const Ended compiled = run_in("compiled", arguments);
    INFO(raw.err << compiled.err);
    REQUIRE(raw.code == 0);
    CHECK(compiled.code == 0);
    CHECK(raw.out == compiled.out);
  }

  Workspace space;
};

}  // namespace

TEST_CASE("on a compiled recording every command answers as on the raw one, to the byte") {
  const Recordings recordings;
  recordings.check_same({"replay", "market.gantry", "--json", "--no-timings"});
  recordings.check_same({"backtest", "market.gantry", "--json", "--set",
                         "strategies.triangular.min_profit_bps=5", "--competition", "0.5"});
  recordings.check_same({"backtest", "market.gantry", "--to", "10983000", "--json", "--sweep",
                         "strategies.triangular.min_profit_bps=10,100"});
}

TEST_CASE("what a compiled recording cannot serve is refused in one line") {
  const Recordings recordings;
  const Workspace& space = recordings.space;
  const Ended recorded =
      space.run({"replay", recordings.compiled(), "--record", (space / "again.gantry").string()});
  CHECK(recorded.code == 2);
  CHECK(has(recorded.err, "is compiled, and has not the facts"));
  CHECK_FALSE(std::filesystem::exists(space / "again.gantry"));

  const Ended again = space.run(
      {"import", "recording", recordings.compiled(), "--out", (space / "again.gantry").string()});
  CHECK(again.code == 2);
  CHECK(has(again.err, "is compiled already"));

  const Ended fee =
      space.run({"backtest", recordings.compiled(), "--set", "dex.uniswap_v2.fee_bps=25"});
  CHECK(fee.code == 2);
  CHECK(has(fee.err, "compiled with other settings or plugins"));
  const Ended time =
      space.run({"backtest", recordings.compiled(), "--set", "chain.ethereum.block_time_s=2"});
  CHECK(time.code == 2);
  CHECK(has(time.err, "block_time_s = 13"));

  std::ofstream(space / "notes.txt") << "mine";
  const Ended target =
      space.run({"import", "recording", shipped, "--out", (space / "notes.txt").string()});
  CHECK(target.code == 1);
  CHECK(has(target.err, "notes.txt"));
}
