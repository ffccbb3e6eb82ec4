#include "workshop.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>

namespace gantry::host::tests {

namespace fs = std::filesystem;
namespace json = boost::json;

Ended run_program(std::vector<std::string> words, std::string_view input) {
  const gantry::test::TemporaryFolder folder;
  const fs::path in = folder.write("in", input);
  std::string line;
  for (const std::string& word : words) {
    line += line.empty() ? "" : " ";
    line += "'" + word + "'";
  }
  line += " <" + in.string() + " >" + (folder / "out").string() + " 2>" + (folder / "err").string();
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, read_text(folder / "out"),
          read_text(folder / "err")};
}

Workshop::Workshop() = default;

KeyPair Workshop::make_key(const std::string& name, const std::string& passphrase) const {
  KeyPair pair{path() / (name + ".key"), path() / (name + ".pub"), {}};
  std::vector<std::string> words{"minisign",         "-G", "-p",
                                 pair.open.string(), "-s", pair.secret.string()};
  if (passphrase.empty()) words.emplace_back("-W");
  const Ended made = run_program(words, passphrase + "\n" + passphrase + "\n");
  INFO(made.err);
  REQUIRE(made.code == 0);
  const std::string text = read_text(pair.open);
  pair.text = text.substr(text.find('\n') + 1);
  pair.text.erase(pair.text.find_last_not_of('\n') + 1);
  return pair;
}

void Workshop::trust_key(const KeyPair& key, std::string_view signer, std::string_view expires,
                         std::string_view plugins, std::string_view not_before) const {
  const fs::path file = path() / "config/keys.toml";
  std::string text = fs::exists(file) ? read_text(file) : std::string();
  text += "[[key]]\nkey = \"" + key.text + "\"\nsigner = \"" + std::string(signer) +
          "\"\nnot_before = " + std::string(not_before) + "\nexpires = " + std::string(expires) +
          "\nplugins = " + std::string(plugins) + "\n";
  write_text(file, text);
}

fs::path Workshop::pack_library(const fs::path& library, const std::string& name,
                                const KeyPair* key) const {
  const fs::path bundle = path() / (name + ".tar.zst");
  const Ended packed = run({"bundle", "pack", library.string(), "--licence",
                            GANTRY_SOURCE "/LICENSE", "--out", bundle.string()});
  INFO(packed.err);
  REQUIRE(packed.code == 0);
  if (key != nullptr) {
    const Ended made = run({"bundle", "sign", bundle.string(), "--key", key->secret.string()});
    INFO(made.err);
    REQUIRE(made.code == 0);
  }
  return bundle;
}

fs::path Workshop::pack(const std::string& version, const KeyPair* key) const {
  return pack_library(fs::path(GANTRY_TRADERS) / ("trader_" + version + ".so"), "trader-" + version,
                      key);
}

void Workshop::use_trader(std::string_view plugin, std::string_view more) const {
  append("strategies.toml",
         "\n[strategies.trader]\nplugin = \"" + std::string(plugin) + "\"\n" + std::string(more));
}

std::string Workshop::installed() const {
  const Ended list = run({"bundle", "list", "--json"});
  INFO(list.err);
  REQUIRE(list.code == 0);
  std::string versions;
  const json::value parsed = json::parse(list.out);
  for (const json::value& plugin : parsed.at("plugins").as_array()) {
    versions += versions.empty() ? "" : " ";
    versions += std::string(plugin.at("version").as_string());
  }
  return versions;
}

bool Workshop::store_is_tidy() const {
  if (!fs::exists(store())) return true;
  if (fs::exists(store() / "staging") && !fs::is_empty(store() / "staging")) return false;
  for (const auto& entry : fs::directory_iterator(store())) {
    const std::string name = entry.path().filename().string();
    if (name != "plugins.lock" && name != "generations" && name != "bundles" && name != "staging" &&
        name != "lock") {
      return false;
    }
  }
  return true;
}

}  // namespace gantry::host::tests
