// A plugin's shared library: mapped, checked, initialised; and unmapped again, which is verified.
// The only place where Boost.DLL appears.
//
// THREADS    One thread at a time; main_role() from any.
// OWNERSHIP  Tables of a Library last as long as it does: whoever holds an instance holds it too.
#pragma once
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "gantry/plugin.h"
#include "host/base/result.hpp"
#include "host/plugin/call_guard.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host {

class Library {
 public:
  // Maps the very bytes that `file` was read from: they are copied under their hash into `store`
  // (mode 0700, made when missing), so that nothing can change between check and load. Then checks
  // the entry and runs init(). `host` must outlive the library.
  // Errors: io (the file changed or vanished, the store), plugin (everything the library is to
  // blame for, with the remedy).
  static Result<std::shared_ptr<Library>> load(const PluginFile& file,
                                               const std::filesystem::path& store,
                                               const gantry_host* host);
  // The same without the copy, for a process whose sandbox answers `path` with bytes that were
  // checked before.
  static Result<std::shared_ptr<Library>> load_in_sandbox(const PluginFile& file,
                                                          const std::filesystem::path& path,
                                                          const gantry_host* host);
  // Copies it under its hash into `store` and says where; nothing is mapped.
  static Result<std::filesystem::path> place(const PluginFile& file,
                                             const std::filesystem::path& store);
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library();

  // The table of `id`; null when it has none.
  const void* interface(const char* id) const;
  const PluginFile& file() const { return file_; }
  const std::filesystem::path& mapped_path() const { return mapped_path_; }
  // Who is to blame for what happens in it.
  const Culprit& culprit() const noexcept;
  // To be held while one of its [main] functions runs: those of one library are not for two threads
  // at a time, and a change of what runs calls them beside the street.
  std::mutex& main_role() const { return main_role_; }

 private:
  struct Mapping;
  static Result<std::shared_ptr<Library>> start(const PluginFile& file,
                                                const std::filesystem::path& path,
                                                std::unique_ptr<Mapping> mapping,
                                                const gantry_host* host);
  Library(PluginFile file, std::filesystem::path path, std::unique_ptr<Mapping> mapping,
          const gantry_plugin_entry* entry);

  PluginFile file_;
  std::filesystem::path mapped_path_;
  std::unique_ptr<Mapping> mapping_;
  const gantry_plugin_entry* entry_;
  mutable std::mutex main_role_;
};

// Loads the language's runtimes that the library needs and this program may not have: they are the
// system's, and once they are here nothing has to be opened for them.
void preload_runtimes(const PluginFile& file);

// True while any object of that path is mapped into this process.
bool is_mapped(const std::filesystem::path& path);

// Where checked libraries are kept: $XDG_CACHE_HOME/gantry/plugins, or under $HOME/.cache, or the
// system's temporary folder with the user's id. Fails with io: none of them is there.
Result<std::filesystem::path> default_plugin_store();

}  // namespace gantry::host
