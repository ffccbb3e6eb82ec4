// [plugins] trust: what a library has to show before any of it is loaded.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "workshop.hpp"

using namespace gantry::host::tests;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

// Only the trader runs, from the store; other instances are off.
class TrustDesk : public Workshop {
 public:
  explicit TrustDesk(std::string_view trust) : key(make_key("release")) {
    edit("strategies.toml", "[strategies.triangular]\nenabled = true",
         "[strategies.triangular]\nenabled = false");
    edit("gantry.toml", "name = \"pimlico\"\nenabled = true",
         "name = \"pimlico\"\nenabled = false");
    edit("gantry.toml", "[plugins]\n", "[plugins]\ntrust = \"" + std::string(trust) + "\"\n");
    use_trader("trader");
    trust_key(key, "Example", "2099-01-01", "[\"*\"]");
    venue = pack_library(GANTRY_PLUGINS "/uniswap_v2.so", "uniswap_v2", &key);
  }
  void install(const fs::path& bundle, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"bundle", "install", bundle.string(), "--unchecked"});
    const Ended ended = run(more);
    INFO(ended.err);
    REQUIRE(ended.code == 0);
  }
  Ended start() const { return run({"run", "--blocks", "2", "--json", "--no-timings"}); }
  // Why the trader did not run; empty: it did.
  std::string refusal() const {
    const Ended ended = start();
    INFO(ended.err);
    REQUIRE((ended.code == 0 || ended.code == 3));
    CHECK(ended.code == (has(ended.err, "strategy trader:") ? 3 : 0));
    const std::size_t at = ended.err.find("strategy trader:");
    return at == std::string::npos ? std::string()
                                   : ended.err.substr(at, ended.err.find('\n', at) - at);
  }
  fs::path bundle_folder() const {
    const json::value lock = json::parse(read_text(store() / "plugins.lock"));
    for (const json::value& pin : lock.at("plugins").as_array()) {
      if (pin.at("name") == "trader") {
        return store() / "bundles" / std::string(pin.at("bundle").as_string());
      }
    }
    return {};
  }

  KeyPair key;
  fs::path venue;
};

}  // namespace

TEST_CASE("with trust = any a library in a plain folder runs, and a revoked one does not") {
  const TrustDesk desk("any");
  fs::create_directory(desk / "loose");
  fs::copy_file(GANTRY_TRADERS "/trader_0.1.0.so", desk / "loose/trader.so");
  desk.edit("gantry.toml", "folders = [", "folders = [\"../loose\", ");
  CHECK(desk.refusal().empty());
  write_text(desk / "config/keys.toml",
             read_text(desk / "config/keys.toml") +
                 "[[revoked]]\nplugin = \"org.example.trader\"\nversion = \"0.1.0\"\n"
                 "reason = \"loses money\"\n");
  CHECK(has(desk.refusal(), "is revoked"));
  CHECK(has(desk.refusal(), "loses money"));
}

TEST_CASE("a library that is revoked by its own hash runs from no folder, under any trust") {
  const std::string hash =
      run_program({"sha256sum", GANTRY_TRADERS "/trader_0.1.0.so"}).out.substr(0, 64);
  const std::string revoked = "[[revoked]]\nlibrary = \"" + hash + "\"\nreason = \"loses money\"\n";
  for (const char* trust : {"any", "pinned", "signed"}) {
    INFO(trust);
    const TrustDesk desk(trust);
    const std::string keys = read_text(desk / "config/keys.toml");
    desk.install(desk.venue);
    desk.install(desk.pack("0.1.0", &desk.key));
    CHECK(desk.refusal().empty());
    write_text(desk / "config/keys.toml", keys + revoked);
    CHECK(has(desk.refusal(), "this library is revoked"));
    CHECK(has(desk.refusal(), "loses money"));
    CHECK(has(desk.run({"bundle", "list"}).out, "this library is revoked"));
  }
  // No plugins.lock knows it.
  const TrustDesk desk("any");
  fs::create_directory(desk / "loose");
  fs::copy_file(GANTRY_TRADERS "/trader_0.1.0.so", desk / "loose/renamed.so");
  desk.edit("gantry.toml", "folders = [", "folders = [\"../loose\", ");
  CHECK(desk.refusal().empty());
  write_text(desk / "config/keys.toml", read_text(desk / "config/keys.toml") + revoked);
  CHECK(has(desk.refusal(), "this library is revoked"));
}

TEST_CASE("what is revoked by its key is not freed by a plugins.lock that cannot be read") {
  const TrustDesk desk("any");
  desk.install(desk.pack("0.1.0", &desk.key));
  fs::create_directory(desk / "loose");
  fs::copy_file(GANTRY_TRADERS "/trader_0.1.0.so", desk / "loose/trader.so");
  desk.edit("gantry.toml", "folders = [", "folders = [\"../loose\", ");
  CHECK(desk.refusal().empty());
  write_text(desk / "config/keys.toml", read_text(desk / "config/keys.toml") +
                                            "[[revoked]]\nkey = \"" + desk.key.text +
                                            "\"\nreason = \"it leaked\"\n");
  CHECK(has(desk.refusal(), "is revoked"));
  write_text(desk.store() / "plugins.lock", "{\"format\": 1, \"gen");
  CHECK(has(desk.refusal(), "plugins.lock"));
}

TEST_CASE("with trust = pinned only what plugins.lock names runs, whichever folder it is in") {
  const TrustDesk desk("pinned");
  desk.install(desk.venue);
  fs::create_directory(desk / "loose");
  fs::copy_file(GANTRY_TRADERS "/trader_0.1.0.so", desk / "loose/trader.so");
  desk.edit("gantry.toml", "folders = [", "folders = [\"../loose\", ");
  CHECK(has(desk.refusal(), "no installed bundle holds this library"));
  CHECK(has(desk.refusal(), "gantry bundle install FILE"));
  CHECK(has(desk.run({"doctor", "--json"}).out, "no installed bundle holds this library"));
  desk.install(desk.pack("0.1.0"), {"--unsigned"});
  CHECK(desk.refusal().empty());
  CHECK_FALSE(has(desk.run({"doctor", "--json"}).out, "no installed bundle holds this library"));
}

TEST_CASE("with trust = signed an unsigned bundle is neither installed nor run") {
  const TrustDesk desk("signed");
  desk.install(desk.venue);
  const fs::path bundle = desk.pack("0.1.0");
  const Ended refused =
      desk.run({"bundle", "install", bundle.string(), "--unsigned", "--unchecked"});
  CHECK(refused.code == 3);
  CHECK(has(refused.err, "it would not be loaded"));
  desk.edit("gantry.toml", "trust = \"signed\"", "trust = \"pinned\"");
  desk.install(bundle, {"--unsigned"});
  desk.edit("gantry.toml", "trust = \"pinned\"", "trust = \"signed\"");
  CHECK(has(desk.refusal(), "was installed without a signature"));
  // The signature comes later: it is put to the bundle that is there.
  desk.install(desk.pack("0.1.0", &desk.key));
  CHECK(desk.refusal().empty());
}

TEST_CASE(
    "with trust = signed the signature is checked at every start, and plugins.lock not believed") {
  const TrustDesk desk("signed");
  desk.install(desk.venue);
  desk.install(desk.pack("0.1.0", &desk.key));
  CHECK(desk.refusal().empty());

  const std::string keys = read_text(desk / "config/keys.toml");
  const std::string hash = desk.bundle_folder().filename().string();
  write_text(desk / "config/keys.toml",
             keys + "[[revoked]]\nbundle = \"" + hash + "\"\nreason = \"found out later\"\n");
  CHECK(has(desk.refusal(), "found out later"));
  // Expiry ends installing, not running.
  std::string expired = keys;
  expired.replace(expired.find("2099-01-01"), 10, "2021-01-01");
  write_text(desk / "config/keys.toml", expired);
  CHECK(desk.refusal().empty());
  write_text(desk / "config/keys.toml", "");
  CHECK(has(desk.refusal(), "does not list"));
  write_text(desk / "config/keys.toml", keys);

  // Another library under the pinned name, and the lock made to say so.
  const auto hash_of = [](const fs::path& file) {
    return run_program({"sha256sum", file.string()}).out.substr(0, 64);
  };
  const fs::path library = desk.bundle_folder() / "lib/x86_64-linux-gnu/trader.so";
  const std::string right = hash_of(library);
  fs::remove(library);
  fs::copy_file(GANTRY_TRADERS "/trader_0.2.0.so", library);
  const std::string wrong = hash_of(library);
  std::string lock = read_text(desk.store() / "plugins.lock");
  lock.replace(lock.find(right), right.size(), wrong);
  write_text(desk.store() / "plugins.lock", lock);
  CHECK(has(desk.refusal(), "holds another library"));
}

TEST_CASE("a library changed in the store after it was installed is not run") {
  const TrustDesk desk("pinned");
  desk.install(desk.venue);
  desk.install(desk.pack("0.1.0"), {"--unsigned"});
  const fs::path library = desk.bundle_folder() / "lib/x86_64-linux-gnu/trader.so";
  fs::remove(library);
  fs::copy_file(GANTRY_TRADERS "/trader_0.2.0.so", library);
  const Ended ended = desk.start();
  CHECK(has(ended.err, "was changed after it was installed"));
  CHECK(json::parse(ended.out).at("strategies").as_array().empty());
}

TEST_CASE("a faulty keys.toml keeps the host from starting, with its line") {
  const TrustDesk desk("any");
  write_text(desk / "config/keys.toml", "[[key]]\nkey = \"x\"\n");
  const Ended ended = desk.start();
  CHECK(ended.code == 2);
  CHECK(has(ended.err, "keys.toml:2:7"));
}

TEST_CASE("a misspelt trust is told with what was meant") {
  const TrustDesk desk("singed");
  const Ended ended = desk.start();
  CHECK(ended.code == 2);
  CHECK(has(ended.err, "plugins.trust"));
  CHECK(has(ended.err, "signed"));
}
