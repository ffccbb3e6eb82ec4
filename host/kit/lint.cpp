// What the file says about itself, before any of it runs.
#include <elf.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <set>

#include "gantry/abi.h"
#include "host/kit/loaded.hpp"

namespace gantry::host::kit {
namespace {

template <class T>
std::vector<T> rows_of(std::span<const std::byte> bytes) {
  std::vector<T> rows(bytes.size() / sizeof(T));
  if (!rows.empty()) std::memcpy(rows.data(), bytes.data(), rows.size() * sizeof(T));
  return rows;
}

ElfFile open_elf(const Subject& subject) {
  auto elf = ElfFile::open(subject.file->path);
  if (!elf) broken(elf.error().message);
  return std::move(*elf);
}

// Names of the symbols that the loader has to find elsewhere.
std::set<std::string> imports_of(const ElfFile& elf) {
  std::set<std::string> names;
  const auto symbols = elf.section(".dynsym");
  const auto strings = elf.section(".dynstr");
  if (!symbols || !strings) return names;
  const auto text = elf.contents(*strings);
  for (const auto& symbol : rows_of<Elf64_Sym>(elf.contents(*symbols))) {
    if (symbol.st_shndx != SHN_UNDEF || symbol.st_name >= text.size()) continue;
    const char* name = reinterpret_cast<const char*>(text.data()) + symbol.st_name;
    names.emplace(name, ::strnlen(name, text.size() - symbol.st_name));
  }
  return names;
}

// Rust's standard library always brings these, whether they are used or not; what it does with them
// is seen in the sandbox.
bool is_rust(const ElfFile& elf) {
  const auto comment = elf.section(".comment");
  if (!comment) return false;
  const auto bytes = elf.contents(*comment);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.find("rustc version") != std::string_view::npos;
}

struct Forbidden {
  const char* what;
  bool of_rust_too;
  std::vector<std::string_view> names;  // a trailing * stands for anything
};

const std::array<Forbidden, 9>& forbidden() {
  static const std::array<Forbidden, 9> all{{
      {"the network",
       true,
       {"socket", "connect", "bind", "listen", "accept*", "getaddrinfo", "gethostby*", "send",
        "sendto", "sendmsg", "recv", "recvfrom", "recvmsg", "socketpair"}},
      {"other programs",
       true,
       {"exec*", "fork", "vfork", "clone", "posix_spawn*", "system", "popen", "kill", "raise",
        "ptrace"}},
      {"the end of the process",
       true,
       {"exit", "_exit", "_Exit", "quick_exit", "at_quick_exit", "_ZSt10quick_exit*"}},
      {"threads",
       false,
       {"pthread_create", "thrd_create", "_ZNSt6thread15_M_start_thread*", "_ZNSt3__16threadC*",
        "_ZNSt3__15async*", "pthread_atfork"}},
      {"signals and jumps out of calls",
       false,
       {"signal", "sigaction", "sigprocmask", "pthread_sigmask", "setjmp", "_setjmp", "__sigsetjmp",
        "longjmp", "siglongjmp", "__longjmp_chk", "setitimer", "alarm"}},
      {"the clock",
       false,
       {"time", "clock", "clock_gettime", "clock_getres", "gettimeofday", "timespec_get", "ftime",
        "localtime*", "gmtime*", "nanosleep", "clock_nanosleep", "usleep", "sleep",
        "_ZNSt6chrono3_V212s*_clock3nowEv", "_ZNSt3__16chrono12s*_clock3nowEv",
        "_ZNSt6chrono*_clock3nowEv"}},
      {"randomness",
       false,
       {"rand", "rand_r", "random", "srand*", "drand48", "lrand48", "mrand48", "getrandom",
        "getentropy", "arc4random*", "_ZNSt13random_device*", "_ZNSt3__113random_device*"}},
      {"files and the terminal",
       false,
       {"open",
        "open64",
        "openat*",
        "creat*",
        "fopen*",
        "freopen*",
        "fdopen",
        "opendir",
        "readdir*",
        "read",
        "write",
        "pread*",
        "pwrite*",
        "writev",
        "readv",
        "unlink*",
        "rename*",
        "mkdir*",
        "printf",
        "vprintf",
        "puts",
        "putchar",
        "fprintf",
        "vfprintf",
        "fputs",
        "fputc",
        "fwrite",
        "perror",
        "__printf_chk",
        "__fprintf_chk",
        "stdout",
        "stderr",
        "stdin",
        "_ZSt4cout",
        "_ZSt4cerr",
        "_ZSt4clog",
        "_ZSt3cin",
        "_ZNSt13basic_filebuf*",
        "_ZNSt14basic_ifstream*",
        "_ZNSt14basic_ofstream*",
        "_ZNSt13basic_fstream*",
        "_ZNSt10filesystem*",
        "tmpfile*",
        "mkstemp*"}},
      {"the environment and other libraries",
       false,
       {"getenv",
        "secure_getenv",
        "setenv",
        "putenv",
        "unsetenv",
        "clearenv",
        "environ",
        "__environ",
        "setlocale",
        "dlopen",
        "dlmopen",
        "dlsym",
        "syscall",
        "prctl",
        "mallopt",
        "fesetround",
        "fesetenv",
        "feenableexcept",
        "_ZSt13set_terminate*",
        "_ZSt15set_new_handler*",
        "chdir",
        "umask",
        "setrlimit*"}},
  }};
  return all;
}

bool matches(std::string_view name, std::string_view pattern) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  return name.size() + 1 >= pattern.size() && name.starts_with(pattern.substr(0, star)) &&
         name.ends_with(pattern.substr(star + 1));
}

constexpr std::array<std::string_view, 14> known_libraries{
    "libc.so.6",      "libm.so.6",      "libgcc_s.so.1",        "libstdc++.so.6",
    "libc++.so.1",    "libc++abi.so.1", "libunwind.so.1",       "libpthread.so.0",
    "libdl.so.2",     "librt.so.1",     "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
    "libatomic.so.1", "libmvec.so.1"};

std::array<unsigned, 3> version_numbers(std::string_view text) {
  std::array<unsigned, 3> numbers{};
  for (std::size_t i = 0; i < 3 && !text.empty(); ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (error != std::errc()) break;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) text.remove_prefix(1);
  }
  return numbers;
}

}  // namespace

void check_manifest(Subject& subject) {
  const Manifest& manifest = subject.file->manifest;
  const std::string_view own = interface_of(manifest.kind);
  require(std::ranges::find(manifest.interfaces, own) != manifest.interfaces.end(),
          fmt::format("its kind is {}, but {} is not among its interfaces",
                      to_string(manifest.kind), own));
  std::set<std::string_view> seen;
  for (const std::string& id : manifest.interfaces) {
    require(seen.insert(id).second, fmt::format("its interface {} is there twice", id));
  }
  require(!manifest.toolchain.sdk.empty(),
          "it does not say with which SDK it was built: use gantry_add_plugin()");
  const auto sdk = version_numbers(manifest.toolchain.sdk);
  const std::array<unsigned, 2> host{GANTRY_SDK_VERSION_MAJOR, GANTRY_SDK_VERSION_MINOR};
  require(sdk[0] == host[0] && sdk[1] <= host[1],
          fmt::format("it was built with SDK {}, this host knows {}.{}", manifest.toolchain.sdk,
                      host[0], host[1]));
  for (const ParameterSchema& schema : manifest.parameters) {
    if (!schema.default_value) continue;
    if (const auto out = out_of_schema(schema, *schema.default_value)) {
      broken(fmt::format("the default of {} {}", schema.name, *out));
    }
  }
}

void check_exports(Subject& subject) {
  const ElfFacts& elf = subject.file->elf;
  require(subject.file->exports_entry(),
          fmt::format("it does not export {}: write GANTRY_PLUGIN(YourClass) once",
                      plugin_entry_symbol));
  for (const std::string& name : elf.exports) {
    require(name == plugin_entry_symbol,
            fmt::format("it also exports {}, one of {} symbols: build it with gantry_add_plugin(), "
                        "which hides them",
                        name, elf.exports.size()));
  }
}

void check_imports(Subject& subject) {
  const ElfFile elf = open_elf(subject);
  const bool rust = is_rust(elf);
  for (const std::string& library : subject.file->elf.needed) {
    require(std::ranges::find(known_libraries, library) != known_libraries.end(),
            fmt::format("it needs {}, which a host need not have: link it statically", library));
  }
  for (const std::string& name : imports_of(elf)) {
    for (const Forbidden& group : forbidden()) {
      if (rust && !group.of_rust_too) continue;
      if (std::ranges::any_of(group.names,
                              [&](std::string_view pattern) { return matches(name, pattern); })) {
        broken(fmt::format("it imports {}, which reaches for {}", name, group.what));
      }
    }
  }
}

void check_flags(Subject& subject) {
  const ElfFile elf = open_elf(subject);
  require(subject.file->elf.unique_symbols == 0,
          fmt::format("it has {} STB_GNU_UNIQUE symbols: build with -fno-gnu-unique",
                      subject.file->elf.unique_symbols));
  const auto imports = imports_of(elf);
  for (const char* name : {"__cxa_thread_atexit", "__cxa_thread_atexit_impl"}) {
    // Rust's standard library has it for its own, and never takes a thread.
    require(!imports.contains(name) || is_rust(elf),
            fmt::format("it imports {}: a thread_local object of it has a destructor", name));
  }
  if (const auto dynamic = elf.section(".dynamic")) {
    for (const auto& row : rows_of<Elf64_Dyn>(elf.contents(*dynamic))) {
      const auto value = row.d_un.d_val;
      if (row.d_tag == DT_FLAGS) {
        require((value & DF_STATIC_TLS) == 0,
                "it has static TLS (-ftls-model=initial-exec): room for that runs out");
        require((value & DF_TEXTREL) == 0, "its code is not position independent (DF_TEXTREL)");
      }
      if (row.d_tag == DT_FLAGS_1) {
        require((value & DF_1_NODELETE) == 0, "it was linked with -z nodelete");
        require((value & DF_1_GLOBAL) == 0, "it was linked with -z global");
        require((value & DF_1_INITFIRST) == 0, "it was linked with -z initfirst");
      }
      require(row.d_tag != DT_TEXTREL, "its code is not position independent (DT_TEXTREL)");
      require(row.d_tag != DT_RPATH && row.d_tag != DT_RUNPATH,
              "it has a RPATH: libraries would be looked for where its builder had them");
    }
  }
  Elf64_Ehdr header;
  std::memcpy(&header, elf.bytes().data(), sizeof(header));
  if (header.e_phoff < elf.bytes().size()) {
    const auto table = elf.bytes().subspan(header.e_phoff);
    const std::size_t size = std::min(table.size(), header.e_phnum * sizeof(Elf64_Phdr));
    for (const auto& segment : rows_of<Elf64_Phdr>(table.first(size))) {
      require(segment.p_type != PT_GNU_STACK || (segment.p_flags & PF_X) == 0,
              "it asks for an executable stack");
      require(segment.p_type != PT_LOAD || (segment.p_flags & (PF_W | PF_X)) != (PF_W | PF_X),
              "it has a segment that is writable and executable");
    }
  }
}

}  // namespace gantry::host::kit
