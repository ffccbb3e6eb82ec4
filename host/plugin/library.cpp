#include "host/plugin/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "host/base/sha256.hpp"

namespace gantry::host {

struct Library::Mapping {
  explicit Mapping(Culprit of) : culprit(std::move(of)) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    const CallGuard guard(culprit, Phase::unload);  // its destructors run here
    library.unload();
    handle.reset();
  }

  Culprit culprit;
  boost::dll::shared_library library;
  // In a sandbox, where Boost.DLL's look-ups of paths would end the process.
  std::unique_ptr<void, int (*)(void*)> handle{nullptr, &::dlclose};
};

namespace {

namespace fs = std::filesystem;

std::unexpected<Error> refuse(const PluginFile& file, std::string_view reason,
                              std::string_view remedy) {
  return fail(ErrorKind::plugin, fmt::format("{}: {}; {}", file.path.string(), reason, remedy));
}

// dlsym also finds a symbol of a library that this one links to.
bool stands_in(const void* symbol, const fs::path& path) {
  Dl_info info{};
  return ::dladdr(symbol, &info) != 0 && info.dli_fname != nullptr && path == info.dli_fname;
}

}  // namespace

// Writes the bytes whose hash was checked under that hash; an existing copy is checked, not
// trusted.
Result<fs::path> Library::place(const PluginFile& file, const fs::path& store) {
  std::error_code error;
  fs::create_directories(store, error);
  if (!error) fs::permissions(store, fs::perms::owner_all, error);
  if (error) {
    return fail(ErrorKind::io, fmt::format("{}: cannot keep plugins there: {}; set XDG_CACHE_HOME",
                                           store.string(), error.message()));
  }
  const fs::path target = store / (file.sha256 + ".so");
  const auto kept = sha256_of_file(target);
  if (kept && *kept == file.sha256) return target;

  const fs::path draft = store / fmt::format("{}.{}.tmp", file.sha256, ::getpid());
  fs::copy_file(file.path, draft, fs::copy_options::overwrite_existing, error);
  if (error) {
    return fail(ErrorKind::io,
                fmt::format("{}: cannot copy: {}", file.path.string(), error.message()));
  }
  const auto copied = sha256_of_file(draft);
  if (!copied || *copied != file.sha256) {
    fs::remove(draft, error);
    return fail(ErrorKind::io, fmt::format("{}: it changed while it was being loaded; install "
                                           "plugins by rename, then start again",
                                           file.path.string()));
  }
  fs::permissions(draft, fs::perms::owner_read | fs::perms::owner_exec, error);
  fs::rename(draft, target, error);
  if (error) {
    return fail(ErrorKind::io, fmt::format("{}: {}", target.string(), error.message()));
  }
  return target;
}

namespace {

// Where it is mapped.
void locate(const fs::path& path, Culprit& culprit) {
  struct Search {
    std::string path;
    Culprit* culprit;
  } search{path.string(), &culprit};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& wanted = *static_cast<Search*>(data);
        if (wanted.path != info->dlpi_name) return 0;
        wanted.culprit->begin = info->dlpi_addr;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD) continue;
          wanted.culprit->end = std::max<std::uintptr_t>(
              wanted.culprit->end, info->dlpi_addr + segment.p_vaddr + segment.p_memsz);
        }
        return 1;
      },
      &search);
}

// Whether the library that `symbol` is in asks never to be unmapped.
bool is_marked_nodelete(const void* symbol) {
  Dl_info info{};
  link_map* map = nullptr;
  if (::dladdr1(symbol, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) return false;
  for (const ElfW(Dyn)* row = map->l_ld; row->d_tag != DT_NULL; ++row) {
    if (row->d_tag == DT_FLAGS_1 && (row->d_un.d_val & DF_1_NODELETE) != 0) return true;
  }
  return false;
}

}  // namespace

bool is_mapped(const fs::path& path) {
  struct Search {
    std::string path;
    bool found = false;
  } search{path.string()};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& wanted = *static_cast<Search*>(data);
        wanted.found = wanted.found || wanted.path == info->dlpi_name;
        return wanted.found ? 1 : 0;
      },
      &search);
  return search.found;
}

Result<fs::path> default_plugin_store() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache == '/') return fs::path(cache) / "gantry" / "plugins";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return fs::path(home) / ".cache" / "gantry" / "plugins";
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  if (error) {
    const char* variable = std::getenv("TMPDIR");
    return fail(
        ErrorKind::io,
        fmt::format("there is no folder to keep checked plugins in: HOME and "
                    "XDG_CACHE_HOME are not set, and the temporary folder{} cannot be used: "
                    "{}. Set HOME, or TMPDIR to a folder that is there",
                    variable == nullptr ? "" : fmt::format(" (TMPDIR={})", variable),
                    error.message()));
  }
  return temporary / fmt::format("gantry-{}", ::getuid()) / "plugins";
}

Library::Library(PluginFile file, fs::path path, std::unique_ptr<Mapping> mapping,
                 const gantry_plugin_entry* entry)
    : file_(std::move(file)),
      mapped_path_(std::move(path)),
      mapping_(std::move(mapping)),
      entry_(entry) {}

Library::~Library() {
  const bool marked = is_marked_nodelete(entry_);
  {
    const CallGuard guard(mapping_->culprit, Phase::unload);
    entry_->deinit();
  }
  mapping_.reset();
  if (!is_mapped(mapped_path_)) return;
  const std::string_view why = marked ? "it is marked NODELETE (-z nodelete)"
                               : file_.elf.unique_symbols != 0
                                   ? "it has STB_GNU_UNIQUE symbols; build it with "
                                     "gantry_add_plugin(), which passes -fno-gnu-unique"
                                   : "a thread_local of it waits for its destructor, or somebody "
                                     "else has it open";
  spdlog::warn("plugin {}: still mapped after unloading: {}", file_.path.string(), why);
}

const Culprit& Library::culprit() const noexcept { return mapping_->culprit; }

const void* Library::interface(const char* id) const {
  const CallGuard guard(culprit(), Phase::load);
  return entry_->get_interface(id);
}

namespace {

Status check_entry(const PluginFile& file) {
  if (file.exports_entry()) return {};
  return refuse(file, fmt::format("it does not export {}", plugin_entry_symbol),
                "write GANTRY_PLUGIN(YourClass) once and build with gantry_add_plugin()");
}

Culprit culprit_of(const PluginFile& file) {
  const Manifest& manifest = file.manifest;
  return {manifest.name, manifest.name, manifest.version, file.sha256, file.path.string(), 0, 0};
}

std::unexpected<Error> loader_says(const PluginFile& file, std::string_view words) {
  return refuse(file, fmt::format("the dynamic loader says: {}", words),
                "rebuild it on this system with gantry_add_plugin(), which links with -z defs");
}

}  // namespace

void preload_runtimes(const PluginFile& file) {
  for (const std::string& library : file.elf.needed) {
    if (library.starts_with("libc++") || library.starts_with("libunwind") ||
        library.starts_with("libm.so") || library.starts_with("libatomic") ||
        library.starts_with("libmvec") || library.starts_with("librt") ||
        library.starts_with("libdl") || library.starts_with("libpthread")) {
      ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    }
  }
}

Result<std::shared_ptr<Library>> Library::load_in_sandbox(const PluginFile& file,
                                                          const fs::path& path,
                                                          const gantry_host* host) {
  if (auto exported = check_entry(file); !exported) return std::unexpected(exported.error());
  auto mapping = std::make_unique<Mapping>(culprit_of(file));
  mapping->handle.reset(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!mapping->handle) {
    const char* reason = ::dlerror();
    return loader_says(file, reason == nullptr ? "nothing" : reason);
  }
  return start(file, path, std::move(mapping), host);
}

Result<std::shared_ptr<Library>> Library::load(const PluginFile& file, const fs::path& store,
                                               const gantry_host* host) {
  if (auto exported = check_entry(file); !exported) return std::unexpected(exported.error());
  auto path = place(file, store);
  if (!path) return std::unexpected(path.error());

  auto mapping = std::make_unique<Mapping>(culprit_of(file));
  try {
    const CallGuard guard(mapping->culprit, Phase::load);  // its constructors run here
    // rtld_now: a missing symbol is found here, not in a trade. The throwing overload keeps
    // dlerror.
    mapping->library.load(*path, boost::dll::load_mode::rtld_now);
  } catch (const std::exception& e) {
    return loader_says(file, e.what());
  }
  return start(file, *path, std::move(mapping), host);
}

Result<std::shared_ptr<Library>> Library::start(const PluginFile& file, const fs::path& path,
                                                std::unique_ptr<Mapping> mapping,
                                                const gantry_host* host) {
  locate(path, mapping->culprit);
  const auto* entry = mapping->handle
                          ? static_cast<const gantry_plugin_entry*>(
                                ::dlsym(mapping->handle.get(), GANTRY_PLUGIN_SYMBOL))
                          : &mapping->library.get<const gantry_plugin_entry>(GANTRY_PLUGIN_SYMBOL);
  if (!stands_in(entry, path)) {
    return refuse(file, "its gantry_plugin belongs to another library that it links to",
                  "do not link one plugin against another");
  }
  if (entry->magic != GANTRY_PLUGIN_MAGIC) {
    return refuse(file, "its gantry_plugin is not a plugin entry (wrong magic)",
                  "build it with the headers of a Gantry SDK");
  }
  if (entry->revision != GANTRY_PLUGIN_REVISION) {
    return refuse(file,
                  fmt::format("its entry has revision {}, this host knows {}", entry->revision,
                              GANTRY_PLUGIN_REVISION),
                  "build it with SDK 0.1, or use a newer host");
  }
  if (entry->init == nullptr || entry->deinit == nullptr || entry->get_interface == nullptr) {
    return refuse(file, "its entry lacks init, deinit or get_interface", "fill all three");
  }
  gantry_error error{};
  const auto status = [&] {
    const CallGuard guard(mapping->culprit, Phase::init);
    return entry->init(host, &error);
  }();
  if (status != GANTRY_OK) {
    error.message[sizeof(error.message) - 1] = '\0';
    return refuse(file, fmt::format("init() failed with status {}: {}", status, error.message),
                  "ask its author");
  }
  return std::shared_ptr<Library>(new Library(file, path, std::move(mapping), entry));
}

}  // namespace gantry::host
