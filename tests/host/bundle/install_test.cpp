// Installing through the program, as an operator does.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "host/bundle/store.hpp"
#include "workshop.hpp"

using namespace gantry::host;
using namespace gantry::host::tests;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

// The kit, which cannot run in a sanitizer's build, has tests of its own: admission_test.cpp.
Ended install(const Workshop& desk, const fs::path& bundle, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"bundle", "install", bundle.string(), "--unchecked"};
  words.insert(words.end(), more.begin(), more.end());
  return desk.run(words);
}

// Refused as what a check found, and nothing of it is there.
void is_refused(const Workshop& desk, const fs::path& bundle, std::string_view reason) {
  const Ended ended = install(desk, bundle);
  INFO(ended.err);
  CHECK(ended.code == 3);
  CHECK(has(ended.err, reason));
  CHECK_FALSE(fs::exists(desk.store() / "plugins.lock"));
  CHECK((!fs::exists(desk.store() / "bundles") || fs::is_empty(desk.store() / "bundles")));
  CHECK(desk.store_is_tidy());
}

void change_byte(const fs::path& file) {
  std::string bytes = read_text(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_text(file, bytes);
}

}  // namespace

TEST_CASE("a signed bundle is installed, listed, run, rolled back and removed, without a network") {
  const Workshop desk;
  const KeyPair key = desk.make_key("release");
  desk.trust_key(key);
  desk.use_trader("trader");
  const Ended installed = install(desk, desk.pack("0.1.0", &key));
  INFO(installed.err);
  REQUIRE(installed.code == 0);
  CHECK(has(installed.out, "org.example.trader 0.1.0 installed, signed by Example: generation 1"));
  CHECK(install(desk, desk.pack("0.2.0", &key)).code == 0);
  CHECK(desk.installed() == "0.2.0");

  const Ended plugins = desk.run({"plugin", "list", "--json"});
  CHECK(has(plugins.out, desk.store().string()));
  const Ended run = desk.run({"run", "--blocks", "3", "--json", "--no-timings"});
  CHECK(run.code == 0);
  CHECK(has(run.out, "trader"));

  CHECK(desk.run({"bundle", "rollback"}).code == 0);
  CHECK(desk.installed() == "0.1.0");
  CHECK(desk.run({"bundle", "rollback", "--to", "2"}).code == 0);
  CHECK(desk.installed() == "0.2.0");
  CHECK(desk.run({"bundle", "remove", "trader"}).code == 0);
  CHECK(desk.installed().empty());
  CHECK(desk.run({"bundle", "rollback"}).code == 0);
  CHECK(desk.installed() == "0.2.0");
  // What was revoked since does not come back unseen.
  const fs::path keys = desk / "config/keys.toml";
  write_text(keys, read_text(keys) +
                       "[[revoked]]\nplugin = \"org.example.trader\"\nversion = "
                       "\"0.1.0\"\nreason = \"it leaked\"\n");
  const Ended revoked = desk.run({"bundle", "rollback", "--to", "1"});
  CHECK(revoked.code == 3);
  CHECK(has(revoked.err, "org.example.trader 0.1.0 is revoked"));
  CHECK(desk.installed() == "0.2.0");
  CHECK(desk.run({"bundle", "rollback", "--to", "1", "--force"}).code == 0);
  CHECK(desk.run({"bundle", "rollback", "--to", "2"}).code == 0);
  const Ended none = desk.run({"bundle", "rollback", "--to", "77"});
  CHECK(none.code == 1);
  CHECK(has(none.err, "no generation 77"));
  CHECK(has(none.err, "there are"));
  const Ended unknown = desk.run({"bundle", "remove", "nobody"});
  CHECK(unknown.code == 1);
  CHECK(has(unknown.err, "nobody is not installed"));
  CHECK(desk.store_is_tidy());
}

TEST_CASE(
    "a run that watches takes up what is installed, and lets go of a bundle that is revoked") {
  const Workshop desk;
  const KeyPair key = desk.make_key("release");
  desk.trust_key(key);
  desk.use_trader("trader", "enabled = false\n");
  // The store is not there yet.
  Running running = desk.start({"run", "--pace", "live", "--speed", "100", "--json"});
  while (!running.ended() && desk.run({"status"}).code != 0) {
  }
  const auto next_change = [&](const std::string& before) {
    std::string now = before;
    while (now == before) {
      const Ended status = desk.run({"status", "--json"});
      INFO(status.err);
      REQUIRE(status.code == 0);
      now = std::string(json::parse(status.out).at("last_change").as_string());
    }
    return now;
  };
  const fs::path bundle = desk.pack("0.1.0", &key);
  REQUIRE(install(desk, bundle).code == 0);
  const std::string seen = next_change("none");
  CHECK(seen == "nothing to change");
  desk.edit("strategies.toml", "plugin = \"trader\"\nenabled = false", "plugin = \"trader\"");
  const std::string enabled = next_change(seen);
  CHECK(has(enabled, "strategy trader: enable (library: trader 0.1.0"));
  REQUIRE(install(desk, desk.pack("0.2.0", &key)).code == 0);
  const std::string replaced = next_change(enabled);
  CHECK(has(replaced, "strategy trader: replace (library: trader 0.1.0"));
  const fs::path keys = desk / "config/keys.toml";
  const std::string sum = run_program({"sha256sum", (desk / "trader-0.2.0.tar.zst").string()}).out;
  write_text(keys, read_text(keys) + "[[revoked]]\nbundle = \"" + sum.substr(0, 64) +
                       "\"\nreason = \"it leaked\"\n");
  const std::string revoked = next_change(replaced);
  CHECK(has(revoked, "strategy trader: disable (may not run any more: "));
  CHECK(has(revoked, "this bundle is revoked"));
  // The version before is no longer revoked with it.
  REQUIRE(desk.run({"bundle", "rollback"}).code == 0);
  CHECK(has(next_change(revoked), "strategy trader: enable (library: trader 0.1.0"));
  CHECK(desk.run({"stop"}).code == 0);
  CHECK(running.wait().code == 0);
}

TEST_CASE("plugins.lock pins id, version, both hashes, signer and SDK") {
  const Workshop desk;
  const KeyPair key = desk.make_key("release");
  desk.trust_key(key);
  const fs::path bundle = desk.pack("0.1.0", &key);
  REQUIRE(install(desk, bundle).code == 0);
  const json::value lock = json::parse(read_text(desk.store() / "plugins.lock"));
  const json::object& pin = lock.at("plugins").at(0).as_object();
  CHECK(pin.at("id") == "org.example.trader");
  CHECK(pin.at("version") == "0.1.0");
  CHECK(pin.at("signer") == "Example");
  CHECK(pin.at("key") == key.text.c_str());
  CHECK(pin.at("sdk").as_string().starts_with("0."));
  CHECK(has(run_program({"sha256sum", bundle.string()}).out, pin.at("bundle").as_string()));
  CHECK(has(run_program({"sha256sum", GANTRY_TRADERS "/trader_0.1.0.so"}).out,
            pin.at("library").as_string()));
}

TEST_CASE(
    "a tampered, cut or unsigned bundle, or another's signature, is refused and leaves nothing") {
  const Workshop desk;
  const KeyPair key = desk.make_key("release");
  desk.trust_key(key);
  const fs::path bundle = desk.pack("0.1.0", &key);
  const std::string good = read_text(bundle);
  const std::string signature = read_text(bundle.string() + ".minisig");

  change_byte(bundle);
  is_refused(desk, bundle, "trader-0.1.0.tar.zst");
  write_text(bundle, good.substr(0, good.size() - 100));
  is_refused(desk, bundle, "is cut short or damaged");
  write_text(bundle, good);

  write_text(bundle.string() + ".minisig", signature.substr(0, signature.size() - 40));
  is_refused(desk, bundle, "no signature");
  fs::remove(bundle.string() + ".minisig");
  is_refused(desk, bundle, "is not signed");

  const fs::path other = desk.pack("0.2.0", &key);
  fs::copy_file(other.string() + ".minisig", bundle.string() + ".minisig");
  is_refused(desk, bundle, "its signature by the key");
  // Signed again, by somebody else.
  const KeyPair stranger = desk.make_key("stranger");
  is_refused(desk, desk.pack("0.1.0", &stranger), "keys.toml does not list");
  // And by somebody else who calls himself by our key's id.
  const std::string forged = read_text(bundle.string() + ".minisig");
  // The 14th character holds the last two bits of the id and the first four of the signature.
  constexpr std::string_view base64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t ours = signature.find('\n') + 1;
  const std::size_t theirs = forged.find('\n') + 1;
  const char mixed = base64[(base64.find(signature[ours + 13]) & 0x30U) |
                            (base64.find(forged[theirs + 13]) & 0x0fU)];
  write_text(bundle.string() + ".minisig", signature.substr(0, ours) + signature.substr(ours, 13) +
                                               mixed + forged.substr(theirs + 14));
  is_refused(desk, bundle, "its signature by the key");
}

TEST_CASE(
    "keys that expired, are not yet valid, are revoked or may not sign this plugin are refused") {
  const Workshop desk;
  const KeyPair key = desk.make_key("release");
  const fs::path bundle = desk.pack("0.1.0", &key);
  const fs::path keys = desk / "config/keys.toml";
  desk.trust_key(key, "Example", "2021-01-01");
  is_refused(desk, bundle, "expired at 2021-01-01");
  const Ended then = desk.run({"bundle", "verify", bundle.string(), "--at", "2020-06-01"});
  CHECK(then.code == 0);
  CHECK(desk.run({"bundle", "verify", bundle.string(), "--at", "2021-01-01"}).code == 3);
  CHECK(desk.run({"bundle", "verify", bundle.string(), "--at", "soon"}).code == 2);
  fs::remove(keys);
  desk.trust_key(key, "Example", "2199-01-01", "[\"*\"]", "2198-01-01");
  is_refused(desk, bundle, "counts from 2198-01-01 on");
  fs::remove(keys);
  desk.trust_key(key, "Example", "2099-01-01", "[\"org.gantry.*\"]");
  is_refused(desk, bundle, "may not sign org.example.trader");

  const auto revoke = [&](const std::string& what) {
    fs::remove(keys);
    desk.trust_key(key);
    write_text(keys, read_text(keys) + "[[revoked]]\n" + what + "\nreason = \"it leaked\"\n");
  };
  revoke("key = \"" + key.text + "\"");
  is_refused(desk, bundle, "the key that it is signed with is revoked");
  is_refused(desk, bundle, "it leaked");
  revoke("plugin = \"org.example.trader\"\nversion = \"0.1.0\"");
  is_refused(desk, bundle, "org.example.trader 0.1.0 is revoked");
  revoke("bundle = \"" + run_program({"sha256sum", bundle.string()}).out.substr(0, 64) + "\"");
  is_refused(desk, bundle, "this bundle is revoked");
  revoke("library = \"" +
         run_program({"sha256sum", GANTRY_TRADERS "/trader_0.1.0.so"}).out.substr(0, 64) + "\"");
  is_refused(desk, bundle, "this library is revoked");
  revoke("plugin = \"org.example.trader\"\nversion = \"0.2.0\"");
  CHECK(install(desk, bundle).code == 0);
}

TEST_CASE("a signer's next key counts beside the first, until that one expires") {
  const Workshop desk;
  const KeyPair first = desk.make_key("first");
  const KeyPair second = desk.make_key("second");
  desk.trust_key(first, "Example", "2027-03-01");
  desk.trust_key(second, "Example", "2029-01-01", "[\"*\"]", "2027-01-01");
  const fs::path one = desk.pack("0.1.0", &first);
  const fs::path two = desk.pack("0.2.0", &second);
  const auto at = [&](const fs::path& bundle, const char* day) {
    return desk.run({"bundle", "verify", bundle.string(), "--at", day}).code;
  };
  CHECK(at(one, "2026-12-31") == 0);
  CHECK(at(two, "2026-12-31") == 3);
  CHECK(at(one, "2027-02-01") == 0);
  CHECK(at(two, "2027-02-01") == 0);
  CHECK(at(one, "2027-03-01") == 3);
  CHECK(at(two, "2027-03-01") == 0);
}

TEST_CASE("an older version is refused unless it is asked for, and another build of one always") {
  const Workshop desk;
  const KeyPair key = desk.make_key("release");
  desk.trust_key(key);
  REQUIRE(install(desk, desk.pack("0.2.0", &key)).code == 0);
  const fs::path older = desk.pack("0.1.0", &key);
  const Ended refused = install(desk, older);
  CHECK(refused.code == 3);
  CHECK(has(refused.err, "0.2.0 is installed, which is newer"));
  CHECK(desk.installed() == "0.2.0");
  CHECK(install(desk, older, {"--downgrade"}).code == 0);
  CHECK(desk.installed() == "0.1.0");

  write_text(desk / "licence", "another licence");
  const fs::path again = desk / "again.tar.zst";
  REQUIRE(desk.run({"bundle", "pack", GANTRY_TRADERS "/trader_0.1.0.so", "--licence",
                    (desk / "licence").string(), "--out", again.string()})
              .code == 0);
  REQUIRE(desk.run({"bundle", "sign", again.string(), "--key", key.secret.string()}).code == 0);
  const Ended rebuilt = install(desk, again);
  CHECK(rebuilt.code == 3);
  CHECK(has(rebuilt.err, "A new build needs a new version"));
  // The same one once more changes nothing.
  const std::string before = read_text(desk.store() / "plugins.lock");
  CHECK(install(desk, older).code == 0);
  CHECK(read_text(desk.store() / "plugins.lock") == before);
}

TEST_CASE("several versions stand beside each other, and the configuration chooses") {
  const Workshop desk;
  desk.use_trader("org.example.trader@0.1.0");
  REQUIRE(install(desk, desk.pack("0.1.0"), {"--unsigned"}).code == 0);
  REQUIRE(install(desk, desk.pack("0.2.0"), {"--unsigned", "--beside"}).code == 0);
  CHECK(desk.installed() == "0.2.0 0.1.0");
  const auto used = [&] {
    const Ended list = desk.run({"plugin", "list", "--json"});
    std::string versions;
    const json::value parsed = json::parse(list.out);
    for (const json::value& plugin : parsed.at("plugins").as_array()) {
      if (plugin.at("name") == "trader" && !plugin.at("enabled").as_array().empty()) {
        versions += std::string(plugin.at("version").as_string());
      }
    }
    return versions;
  };
  CHECK(used() == "0.1.0");
  desk.edit("strategies.toml", "org.example.trader@0.1.0", "trader");
  CHECK(used() == "0.2.0");
  desk.edit("strategies.toml", "\"trader\"", "\"trader@0.3.0\"");
  CHECK(used().empty());
  CHECK(desk.run({"bundle", "remove", "trader@0.2.0"}).code == 0);
  CHECK(desk.installed() == "0.1.0");
}

TEST_CASE("a configuration that the new version does not understand refuses it, at its line") {
  const Workshop desk;
  REQUIRE(install(desk, desk.pack("0.1.0"), {"--unsigned"}).code == 0);
  desk.use_trader("trader", "share_bps = 600\n");
  CHECK(desk.run({"config", "check"}).code == 0);
  const Ended range = install(desk, desk.pack("0.2.0"), {"--unsigned"});  // at most 500
  CHECK(range.code == 2);
  CHECK(has(range.err, "strategies.toml:"));
  CHECK(has(range.err, "share_bps is 600"));
  CHECK(has(range.err, "does not understand this configuration"));
  CHECK(desk.installed() == "0.1.0");
  const Ended renamed = install(desk, desk.pack("0.3.0"), {"--unsigned"});
  CHECK(renamed.code == 2);
  CHECK(has(renamed.err, "unknown key share_bps in strategies.trader"));
  // What is wrong with the configuration anyway does not count.
  desk.append("dex_config.toml", "\n[[dex]]\nname = \"x\"\npriority = -1\n");
  CHECK(install(desk, desk.pack("0.2.0"), {"--unsigned"}).code == 2);
  desk.edit("strategies.toml", "share_bps = 600", "share_bps = 400");
  CHECK(install(desk, desk.pack("0.2.0"), {"--unsigned"}).code == 0);
  const Ended forced = install(desk, desk.pack("0.3.0"), {"--unsigned", "--force"});
  CHECK(forced.code == 0);
  CHECK(has(forced.err, "unknown key share_bps"));
  // The other way round: the configuration is edited first, then the version that wants it comes.
  CHECK(desk.run({"bundle", "rollback"}).code == 0);
  desk.edit("strategies.toml", "share_bps = 400", "part_bps = 400");
  CHECK(install(desk, desk.pack("0.3.0"), {"--unsigned"}).code == 0);
}

TEST_CASE("rollback and remove refuse, too, what leaves a configuration that is not understood") {
  const Workshop desk;
  desk.use_trader("trader", "share_bps = 400\n");
  REQUIRE(install(desk, desk.pack("0.2.0"), {"--unsigned"}).code == 0);
  // The parameter has another name in 0.3.0.
  REQUIRE(install(desk, desk.pack("0.3.0"), {"--unsigned", "--beside", "--force"}).code == 0);
  desk.edit("strategies.toml", "share_bps = 400", "part_bps = 400");
  REQUIRE(desk.run({"config", "check"}).code == 0);
  const std::string lock = read_text(desk.store() / "plugins.lock");
  const auto refused = [&](const Ended& ended) {
    INFO(ended.out << ended.err);
    CHECK(ended.code == 2);
    CHECK(has(ended.err, "strategies.toml:"));
    CHECK(has(ended.err, "unknown key part_bps in strategies.trader"));
    CHECK(has(ended.err, "--force"));
    CHECK(read_text(desk.store() / "plugins.lock") == lock);
    CHECK(desk.store_is_tidy());
  };
  refused(desk.run({"bundle", "rollback"}));
  refused(desk.run({"bundle", "rollback", "--to", "1"}));
  refused(desk.run({"bundle", "remove", "trader@0.3.0"}));
  // Of the older version, which does not run, nothing in the configuration is.
  CHECK(desk.run({"bundle", "remove", "trader@0.2.0"}).code == 0);
  CHECK(desk.run({"bundle", "rollback"}).code == 0);
  const Ended forced = desk.run({"bundle", "remove", "trader@0.3.0", "--force"});
  CHECK(forced.code == 0);
  CHECK(has(forced.err, "unknown key part_bps"));
  CHECK(desk.installed() == "0.2.0");
  // What is not installed at all cannot be checked, and stops nothing.
  CHECK(desk.run({"bundle", "remove", "trader"}).code == 0);
  CHECK(desk.run({"bundle", "rollback"}).code == 2);
  CHECK(desk.run({"bundle", "rollback", "--force"}).code == 0);
}

TEST_CASE("a bundle of an interface that this host does not serve is not installed") {
  const Workshop desk;
  const Ended ended = install(desk, desk.pack("0.4.0"), {"--unsigned"});
  CHECK(ended.code == 3);
  CHECK(has(ended.err, "needs gantry.strategy/2"));
  CHECK(has(ended.err, "install a newer host"));
  CHECK(desk.installed().empty());
}

TEST_CASE("a damaged library is found by list, and installing the bundle again mends it") {
  const Workshop desk;
  const fs::path bundle = desk.pack("0.1.0");
  REQUIRE(install(desk, bundle, {"--unsigned"}).code == 0);
  const json::value lock = json::parse(read_text(desk.store() / "plugins.lock"));
  const fs::path folder =
      desk.store() / "bundles" / std::string(lock.at("plugins").at(0).at("bundle").as_string());
  const fs::path library = folder / "lib/x86_64-linux-gnu/trader.so";
  fs::permissions(library, fs::perms::owner_write, fs::perm_options::add);
  change_byte(library);
  const Ended list = desk.run({"bundle", "list"});
  CHECK(list.code == 3);
  CHECK(has(list.out, "was changed after it was installed"));
  const Ended doctor = desk.run({"doctor", "--json"});
  CHECK(doctor.code == 3);
  CHECK(has(doctor.out, "was changed after it was installed"));
  CHECK(install(desk, bundle, {"--unsigned"}).code == 0);
  CHECK(desk.installed() == "0.1.0");
  CHECK(has(desk.run({"doctor", "--json"}).out, "1 bundle in force"));
  CHECK(desk.store_is_tidy());
}

TEST_CASE("a damaged plugins.lock is told with the remedy, which works") {
  const Workshop desk;
  REQUIRE(install(desk, desk.pack("0.1.0"), {"--unsigned"}).code == 0);
  REQUIRE(install(desk, desk.pack("0.2.0"), {"--unsigned"}).code == 0);
  write_text(desk.store() / "plugins.lock", "{\"format\": 1, \"gen");
  const Ended list = desk.run({"bundle", "list"});
  CHECK(list.code == 3);
  CHECK(has(list.err, "gantry bundle rollback --to N"));
  CHECK(has(desk.run({"doctor", "--json"}).out, "gantry bundle rollback --to N"));
  CHECK(install(desk, desk.pack("0.2.0"), {"--unsigned"}).code == 3);
  CHECK(desk.run({"bundle", "rollback", "--to", "1"}).code == 0);
  CHECK(desk.installed() == "0.1.0");
}

TEST_CASE("who is asked before a bundle gets its name sees the staged library, and can refuse it") {
  const Workshop desk;
  const auto bytes = bundle::read_file(desk.pack("0.1.0"), bundle::bundle_bytes_max).value();
  const auto read = bundle::read_bundle(bytes, "bundle").value();
  auto change = bundle::Change::begin(desk.store()).value();
  int asked = 0;
  bundle::InstallRequest request{.bundle = read, .bytes = bytes};
  request.admission = [&](const bundle::StagedLibrary& staged) -> Status {
    ++asked;
    CHECK(inspect_plugin_file(staged.path).value().sha256 == staged.file.sha256);
    CHECK_FALSE(fs::exists(desk.store() / "plugins.lock"));
    return fail(ErrorKind::plugin, "it breaks a law");
  };
  const auto refused = change.install(request);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "it breaks a law");
  CHECK(fs::is_empty(desk.store() / "bundles"));
  CHECK(desk.store_is_tidy());
  request.admission = [&](const bundle::StagedLibrary&) -> Status {
    ++asked;
    return {};
  };
  CHECK(change.install(request));
  CHECK(asked == 2);
}
