#include "host/cli/followed_chains.hpp"

#include <fmt/format.h>

#include <set>

#include "host/config/fixture.hpp"

using namespace gantry::host;
using namespace gantry::host::cli;
using namespace gantry::host::test;

namespace {

// A chain with a provider that wants KEY_<number>.
std::string chain(int number, std::string_view name, std::string_view more = {}) {
  return fmt::format(
      "[[chain]]\nid = \"eip155:{0}\"\nname = \"{1}\"\n{2}"
      "[[chain.provider]]\nname = \"node\"\nurl = \"https://node/${{KEY_{0}}}\"\n",
      number, name, more);
}

Configuration configure(const std::string& chains, std::initializer_list<int> with_venue) {
  std::string dexes;
  for (const int number : with_venue) {
    dexes += fmt::format(
        "[[dex]]\nname = \"dex{0}\"\nplugin = \"uniswap_v2\"\nchain = \"eip155:{0}\"\n", number);
  }
  auto loaded = parse({.gantry = chains, .dex = dexes, .strategies = good_strategies});
  if (!loaded) FAIL(render_text(loaded.error(), false));
  return std::move(*loaded);
}

std::vector<std::string> ids(const FollowedChains& followed) {
  std::vector<std::string> out;
  for (const ChainSettings* each : followed.chains) out.push_back(each->id);
  return out;
}

using Ids = std::vector<std::string>;
const std::string three = chain(1, "one") + chain(2, "two") + chain(3, "three");

}  // namespace

TEST_CASE("the chains that are followed have their keys and a venue, and the others are named") {
  const Configuration all = configure(three, {1, 2});
  const auto every = environment({{"KEY_1", "a"}, {"KEY_2", "b"}, {"KEY_3", "c"}});
  const auto followed = followed_chains(all, every, {});
  REQUIRE(followed.has_value());
  CHECK(ids(*followed) == Ids{"eip155:1", "eip155:2"});
  REQUIRE(followed->left_out.size() == 1);
  CHECK(followed->left_out.front() ==
        "three (eip155:3) is left out, for no venue of it would run: enable a [[dex]] with chain = "
        "\"eip155:3\"");

  // An empty variable is none.
  const auto some = followed_chains(all, environment({{"KEY_1", "a"}, {"KEY_2", ""}}), {});
  REQUIRE(some.has_value());
  CHECK(ids(*some) == Ids{"eip155:1"});
  CHECK(some->left_out ==
        std::vector<std::string>{"two (eip155:2) is left out, for none of its providers can be "
                                 "asked: set one of KEY_2",
                                 "three (eip155:3) is left out, for none of its providers can be "
                                 "asked: set one of KEY_3"});

  const auto none = followed_chains(all, environment({}), {});
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().kind == ErrorKind::configuration);
  CHECK(
      none.error().message ==
      "there is no chain to follow, for none of the providers of one, two, three can be asked: set "
      "one of KEY_1, KEY_2, KEY_3");
}

TEST_CASE("chains are named by id, name or number, each once and in the order of the file") {
  const Configuration all = configure(three, {1, 2});
  const auto every = environment({{"KEY_1", "a"}, {"KEY_3", "c"}});
  const auto followed = followed_chains(all, every, {"three", "eip155:1", "1"});
  REQUIRE(followed.has_value());
  CHECK(ids(*followed) == Ids{"eip155:1", "eip155:3"});
  CHECK(followed->left_out.empty());
  CHECK(followed_chains(all, every, {"two"}).error().message.contains("set one of KEY_2"));
  CHECK(followed_chains(all, every, {"four"}).error().kind == ErrorKind::usage);
}

TEST_CASE("a chain that is not enabled is not followed, and is told where all are") {
  const std::string off = chain(1, "one", "enabled = false\n");
  const auto every = environment({{"KEY_1", "a"}, {"KEY_2", "b"}});
  const Configuration two = configure(off + chain(2, "two"), {1, 2});
  CHECK(has_live_chain(two));
  CHECK(ids(*followed_chains(two, every, {})) == Ids{"eip155:2"});
  CHECK(followed_chains(two, every, {"one"}).error().message.contains("enabled = false"));
  const Configuration one = configure(off, {1});
  CHECK_FALSE(has_live_chain(one));
  CHECK(followed_chains(one, every, {}).error().message.contains("enabled = false"));
}

TEST_CASE("each chain of several is recorded to a file of its own name, whatever they are called") {
  const Configuration all = configure(
      chain(1, "one") + chain(2, "a/b c") + chain(3, "same") + chain(4, "same"), {1, 2, 3, 4});
  std::vector<const ChainSettings*> chains;
  for (const ChainSettings& each : all.chains) chains.push_back(&each);
  CHECK(recording_of("/tmp/day.gantry", *chains[0], {chains[0]}) == "/tmp/day.gantry");
  CHECK(recording_of("/tmp/day.gantry", *chains[0], chains) == "/tmp/day.one.gantry");
  CHECK(recording_of("day", *chains[1], chains) == "day.a-b-c");
  std::set<std::filesystem::path> files;
  for (const ChainSettings* each : chains) files.insert(recording_of("x.gantry", *each, chains));
  CHECK(files.size() == chains.size());
}
