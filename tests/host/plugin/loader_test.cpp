// What a library has to be to run at all: refusals that name file, reason and remedy; unloading
// that really unmaps; one exported symbol.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "gantry/testing/fake_market.h"
#include "host/plugin/instances.hpp"
#include "host/plugin/library.hpp"
#include "support/small_market.hpp"
#include "tests/host/plugin/bad_libraries.hpp"

using namespace gantry::host;
using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

PluginFile inspect(const fs::path& path) {
  auto file = inspect_plugin_file(path);
  INFO((file ? path.string() : file.error().message));
  REQUIRE(file);
  return std::move(*file);
}

fs::path bad(const std::string& name) {
  return fs::path(GANTRY_BAD_PLUGIN_FOLDER) / (name + ".so");
}

std::vector<fs::path> good_libraries() {
  std::vector<fs::path> all;
  for (const char* folder : {
           GANTRY_PLUGIN_FOLDER, GANTRY_TEMPLATE_FOLDER, GANTRY_ABI_PLUGIN_FOLDER
#if defined(__x86_64__)
           ,
           GANTRY_KEPT_PLUGIN_FOLDER  // as the release's compiler made them
#endif
       }) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".so") all.push_back(entry.path());
    }
  }
  std::ranges::sort(all);
  return all;
}

// The kernel's own word, besides the dynamic loader's.
bool is_in_memory_map(const fs::path& path) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(path.filename().string()) != std::string::npos) return true;
  }
  return false;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a library that cannot be loaded is refused with the file, the reason and the remedy") {
  for (const BadLibrary& c : unloadable_libraries) {
    INFO(c.name);
    TemporaryFolder store;
    const PluginFile file = inspect(bad(c.name));
    InstanceServices services(c.name);
    const auto loaded = Library::load(file, store.path(), services.table());
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().kind == ErrorKind::plugin);
    INFO(loaded.error().message);
    CHECK(contains(loaded.error().message, file.path.string()));
    CHECK(contains(loaded.error().message, c.reason));
    CHECK(contains(loaded.error().message, c.remedy));
    CHECK_FALSE(is_mapped(store.path() / (file.sha256 + ".so")));
    CHECK_FALSE(is_in_memory_map(file.sha256 + ".so"));
  }
}

TEST_CASE("a library that changed since it was read is not loaded") {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "changing.so";
  fs::copy_file(fs::path(GANTRY_PLUGIN_FOLDER) / "uniswap_v2.so", path);
  PluginFile file = inspect(path);
  std::ofstream(path, std::ios::app | std::ios::binary) << "one byte more";
  InstanceServices services("changing");
  const auto loaded = Library::load(file, folder.path() / "store", services.table());
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().kind == ErrorKind::io);
  CHECK(contains(loaded.error().message, path.string()));
  CHECK(contains(loaded.error().message, "changed while it was being loaded"));
}

TEST_CASE("a tampered copy in the store is replaced, not trusted") {
  TemporaryFolder store;
  const PluginFile file = inspect(fs::path(GANTRY_PLUGIN_FOLDER) / "uniswap_v2.so");
  const fs::path kept = store.path() / (file.sha256 + ".so");
  std::ofstream(kept) << "something else under its name";
  InstanceServices services("uniswap_v2");
  const auto loaded = Library::load(file, store.path(), services.table());
  REQUIRE(loaded);
  CHECK((*loaded)->mapped_path() == kept);
  CHECK(inspect(kept).sha256 == file.sha256);
}

TEST_CASE("a library is not kept where others could put another in its place") {
  const PluginFile file = inspect(fs::path(GANTRY_PLUGIN_FOLDER) / "uniswap_v2.so");
  InstanceServices services("kept");
  const TemporaryFolder folder;
  const fs::path open = folder.path() / "open";
  fs::create_directories(open / "plugins");
  const auto load = [&](const fs::path& store) {
    return Library::load(file, store, services.table());
  };
  const auto refused = [&](const fs::path& store) {
    const auto loaded = load(store);
    return !loaded && contains(loaded.error().message, "others may change that folder");
  };
  CHECK(load(open / "plugins").has_value());
  fs::permissions(open, fs::perms::all);
  CHECK(refused(open / "plugins"));
  // Nor by a link, from a folder that is nobody else's.
  fs::create_directory_symlink(open, folder.path() / "link");
  CHECK(refused(folder.path() / "link/plugins"));
  // In a sticky folder each has what they made, as in the system's temporary folder.
  fs::permissions(open, fs::perms::all | fs::perms::sticky_bit);
  CHECK(load(open / "plugins").has_value());
  // The folder of somebody else, who may do with it what they like; only root can make one.
  if (::geteuid() != 0) return;
  fs::permissions(open, fs::perms::owner_all);
  REQUIRE(::chown(open.c_str(), 65534, 65534) == 0);
  CHECK(refused(open / "plugins"));
  REQUIRE(::chown(open.c_str(), 0, 0) == 0);
}

TEST_CASE("every plugin exports one symbol, and none that keeps it from unloading") {
  const auto libraries = good_libraries();
  REQUIRE(libraries.size() >= 9);
  for (const fs::path& path : libraries) {
    INFO(path.string());
    const PluginFile file = inspect(path);
    CHECK(file.elf.exports == std::vector<std::string>{"gantry_plugin"});
    CHECK(file.elf.unique_symbols == 0);
  }
}

TEST_CASE("every plugin can be loaded and really unloaded, a hundred times") {
  for (const fs::path& path : good_libraries()) {
    INFO(path.string());
    TemporaryFolder store;
    const PluginFile file = inspect(path);
    InstanceServices services(file.manifest.name);
    for (int round = 0; round < 100; ++round) {
      auto loaded = Library::load(file, store.path(), services.table());
      REQUIRE(loaded);
      const fs::path mapped = (*loaded)->mapped_path();
      REQUIRE((*loaded)->interface(file.manifest.interfaces.front().c_str()) != nullptr);
      REQUIRE((*loaded)->interface("gantry.dex/999") == nullptr);
      REQUIRE(is_mapped(mapped));
      loaded->reset();
      REQUIRE_FALSE(is_mapped(mapped));
      REQUIRE_FALSE(is_in_memory_map(mapped));
    }
  }
}

TEST_CASE("a panic in Rust is the plugin's fault, is logged, and does not keep the library") {
  TemporaryFolder store;
  const PluginFile file = inspect(fs::path(GANTRY_TEMPLATE_FOLDER) / "rust_strategy.so");
  gantry_fake_host host;
  gantry_fake_host_init(&host);
  for (int round = 0; round < 10; ++round) {
    auto loaded = Library::load(file, store.path(), &host.table);
    REQUIRE(loaded);
    const fs::path mapped = (*loaded)->mapped_path();
    const auto* table =
        static_cast<const gantry_strategy_v1*>((*loaded)->interface(GANTRY_STRATEGY_ID));
    REQUIRE(table != nullptr);
    const gantry_parameter share = gantry_fake_integer("share_bps", 10);
    const gantry_instance_config config = gantry_fake_config(&share, 1);
    gantry_strategy_instance* strategy = nullptr;
    gantry_error error{};
    REQUIRE(table->create(&host.table, &config, &strategy, &error) == GANTRY_OK);
    auto market = std::make_unique<gantry_fake_market>();
    gantry_fake_market_init(market.get());
    gantry_fake_finds finds;
    gantry_fake_finds_init(&finds);
    REQUIRE(table->prepare(strategy, &market->table, &error) == GANTRY_OK);
    gantry_fake_next(market.get(), 5);  // a pool that the market has not got
    CHECK(table->find(strategy, &market->table, &finds.table) == GANTRY_PLUGIN_FAULT);
    CHECK(host.severity == GANTRY_LOG_ERROR);
    INFO(host.line);
    CHECK(contains(host.line, "panicked at src/lib.rs:"));
    table->destroy(strategy);
    loaded->reset();
    REQUIRE_FALSE(is_mapped(mapped));
  }
  CHECK(host.line_count == 10);
}

TEST_CASE("an instance keeps its library, and the last one lets it go") {
  TemporaryFolder folder;
  const auto configuration =
      configure(folder.path(), {.dex = "[[dex]]\nname = \"one\"\nplugin = \"uniswap_v2\"\n"
                                       "[[dex]]\nname = \"two\"\nplugin = \"uniswap_v2\"\n"});
  Plugins plugins = make_plugins(configuration, folder.path() / "store");
  REQUIRE(plugins.venues.size() == 2);
  const fs::path mapped = folder.path() / "store" / (plugins.venues[0]->file().sha256 + ".so");
  plugins.venues.erase(plugins.venues.begin());
  CHECK(is_mapped(mapped));
  plugins.venues.clear();
  CHECK_FALSE(is_mapped(mapped));
}

TEST_CASE("an instance that cannot be made is refused, and the others run") {
  std::vector<BadLibrary> dexes(std::begin(unloadable_libraries), std::end(unloadable_libraries));
  dexes.push_back(throwing_library);
  const BadLibrary strategies[] = {
      {"table_with_hole", "has an empty function", "fill every one"},
      {"no_interface", "has no interface gantry.strategy/1", "build it with an SDK that has it"},
  };
  TemporaryFolder folder;
  ConfigurationTexts texts;
  for (const BadLibrary& c : dexes) {
    texts.dex += "[[dex]]\nname = \"" + std::string(c.name) + "\"\n";
  }
  for (const BadLibrary& c : strategies) {
    texts.strategies += "[strategies." + std::string(c.name) + "]\n";
  }
  texts.dex += "[[dex]]\nname = \"absent_dex\"\n";
  const auto configuration = configure(folder.path(), texts, {GANTRY_BAD_PLUGIN_FOLDER});

  const Plugins plugins = make_plugins(configuration, folder.path() / "store");
  REQUIRE(plugins.venues.size() == 1);
  CHECK(plugins.venues[0]->name() == "uniswap_v2");
  REQUIRE(plugins.strategies.size() == 1);
  CHECK(plugins.strategies[0]->name() == "triangular");
  CHECK(plugins.refused.size() == dexes.size() + std::size(strategies) + 1);
  const auto check = [&](const BadLibrary& c, const std::string& kind, bool names_file) {
    INFO(c.name);
    const auto found = std::ranges::find(plugins.refused, c.name, &Refusal::instance);
    REQUIRE(found != plugins.refused.end());
    CHECK(found->kind == kind);
    INFO(found->reason);
    CHECK(contains(found->reason, c.reason));
    CHECK(contains(found->reason, c.remedy));
    if (names_file) CHECK(contains(found->reason, c.name + std::string(".so")));
  };
  for (const BadLibrary& c : dexes) check(c, "dex", true);
  for (const BadLibrary& c : strategies) check(c, "strategy", true);
  check({"absent_dex", "not installed", "install it"}, "dex", false);
}
