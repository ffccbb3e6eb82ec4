// A host's start with a hundred plugins that were installed from bundles: each is found, hashed,
// held to its pin, copied under its hash, mapped, initialised and given an instance.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "host/bundle/store.hpp"
#include "host/config/load.hpp"
#include "host/plugin/instances.hpp"
#include "support/small_market.hpp"

namespace {

using namespace gantry::host;
namespace fs = std::filesystem;

constexpr int plugins_installed = 100;

void must(bool done, const std::string& what) {
  if (!done) throw std::runtime_error(what);
}
template <class T>
T must(Result<T> result) {
  must(result.has_value(), result ? std::string() : result.error().message);
  return std::move(*result);
}

void replace_all(std::string& bytes, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = bytes.find(from, at)) != std::string::npos; at += to.size()) {
    bytes.replace(at, from.size(), to);
  }
}

// The strategy that does nothing, under another name of the same length, so that its ELF file stays
// whole.
fs::path renamed_library(const fs::path& folder, const std::string& name) {
  std::ifstream file(fs::path(GANTRY_TEST_PLUGIN_FOLDER) / "idle_strategy.so", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  must(bytes.find("idle_strategy") != std::string::npos, "idle_strategy.so has no manifest");
  replace_all(bytes, "idle_strategy", name);
  const fs::path path = folder / (name + ".so");
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

class Installed {
 public:
  Installed() {
    auto change = must(bundle::Change::begin(store()));
    std::string strategies;
    for (int i = 0; i < plugins_installed; ++i) {
      const std::string name = fmt::format("idle_no_{:05}", i);
      const bundle::Packed packed =
          must(bundle::pack({{renamed_library(folder_.path(), name)}, GANTRY_LICENCE}));
      const bundle::Bundle read = must(bundle::read_bundle(packed.bytes, name));
      const Status done = change.install({.bundle = read, .bytes = packed.bytes});
      must(done.has_value(), done ? std::string() : done.error().message);
      strategies += fmt::format("[strategies.{}]\nenabled = true\n", name);
    }
    write("gantry.toml", fmt::format("[[chain]]\nid = \"eip155:1\"\nname = \"ethereum\"\n"
                                     "block_time_s = 13\ngas_price_gwei = 20\nwrapped_native = "
                                     "\"0x1000000000000000000000000000000000000000\"\n[plugins]\n"
                                     "folders = []\ntrust = \"pinned\"\nstore = \"{}\"\n",
                                     store().string()));
    write("dex_config.toml", "");
    write("strategies.toml", strategies);
  }

  // Nothing is there of a start before: `cache` is where the mapped copies go.
  std::size_t start(const fs::path& cache) const {
    const auto configuration =
        load_configuration(ConfigFiles::in_folder(folder_.path()),
                           bundle::scan_store(store()).plugins, process_environment());
    must(configuration.has_value(),
         configuration ? std::string() : render_text(configuration.error(), false));
    return make_plugins(*configuration, cache).strategies.size();
  }
  fs::path folder() const { return folder_.path(); }

 private:
  fs::path store() const { return folder_.path() / "store"; }
  void write(const char* name, const std::string& text) const {
    std::ofstream(folder_.path() / name) << text;
  }
  gantry::test::TemporaryFolder folder_;
};

void start_with_100_plugins(benchmark::State& state) {
  const Installed installed;
  const fs::path cache = installed.folder() / "cache";
  for (auto _ : state) {
    state.PauseTiming();
    fs::remove_all(cache);
    state.ResumeTiming();
    if (installed.start(cache) != plugins_installed) state.SkipWithError("a plugin did not start");
  }
}
BENCHMARK(start_with_100_plugins)->Unit(benchmark::kMillisecond);

}  // namespace
