// gantry reload beside a strategy in a process of its own, which the sanitizers' programs cannot
// have.
#include "slow_run.hpp"

using namespace gantry::host::tests;

TEST_CASE("what runs in a process of its own is not started, nor its venues changed, by a reload") {
  Slow slow;
  slow.space.edit("strategies.toml", "[strategies.triangular]\n",
                  "[strategies.triangular]\nisolation = \"process\"\n");
  Running running = slow.start();
  const auto refused = [&](const char* file, const char* what, const char* to,
                           std::string_view reason) {
    slow.space.edit(file, what, to);
    for (const std::vector<std::string>& asked :
         {std::vector<std::string>{"reload", "--dry-run"}, std::vector<std::string>{"reload"}}) {
      const Ended ended = slow.space.run(asked);
      INFO(ended.out << ended.err);
      CHECK(ended.code == 3);
      CHECK(has(ended.out, reason));
    }
    slow.space.edit(file, to, what);
  };
  refused("dex_config.toml", "min_liquidity_usd = 10000 ", "min_liquidity_usd = 50000 ",
          "venues cannot change while a strategy runs in a process of its own");
  refused("strategies.toml", "max_hops = 4", "max_hops = 3",
          "not possible: strategy triangular: what has isolation = \"process\" is started with the "
          "host only");
  // What runs in process is changed beside it, and it can be taken out itself.
  slow.space.edit("strategies.toml", "rounds = 50000", "rounds = 40000");
  CHECK(has(slow.space.run({"reload"}).out, "rounds: 50000 -> 40000"));
  slow.space.edit("strategies.toml", "enabled = true", "enabled = false");
  CHECK(has(slow.space.run({"reload"}).out, "strategy triangular: disable"));
  const json::value report = slow.stop(running);
  CHECK(report.at("changes").at("count") == 2);
}
