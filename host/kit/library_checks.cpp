// What holds for a library of any kind: it loads, says what its manifest says, unloads without a
// trace, and answers from its arguments alone.
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cfenv>
#include <cstring>
#include <span>
#include <string>

#include "host/base/sha256.hpp"
#include "host/kit/work.hpp"
#include "host/plugin/library.hpp"

namespace gantry::host::kit {

void work(const Subject& subject, Loaded& library, void* object, std::uint64_t seed,
          const Workout& workout) {
  switch (subject.file->manifest.kind) {
    case PluginKind::dex:
      return work_dex(subject, library, object, seed, workout);
    case PluginKind::strategy:
      return work_strategy(subject, library, object, seed, workout);
    case PluginKind::paymaster:
      return work_paymaster(subject, library, object, seed, workout);
  }
}

namespace {

constexpr std::uint64_t smallest_block = 16;  // what malloc gives for one byte, at the least

std::string text_of(int descriptor) {
  std::string text;
  if (descriptor < 0 || ::lseek(descriptor, 0, SEEK_SET) != 0) return text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(descriptor, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

// What is mapped, but for the heap and what malloc maps: lines of /proc/self/maps with a file.
std::size_t mapped_files(const Subject& subject) {
  const std::string maps = text_of(subject.maps);
  return static_cast<std::size_t>(std::ranges::count(maps, '/'));
}

std::string thread_count(const Subject& subject) {
  const std::string status = text_of(subject.status);
  const auto at = status.find("Threads:");
  return at == std::string::npos ? "" : status.substr(at, status.find('\n', at) - at);
}

std::string run(const Subject& subject, Loaded& library, void* object, std::uint64_t seed,
                bool guarded = false) {
  std::string transcript;
  Workout workout;
  workout.guarded = guarded;
  workout.transcript = &transcript;
  work(subject, library, object, seed, workout);
  return transcript;
}

void require_same(const std::string& a, const std::string& b, std::string_view when) {
  if (a == b) return;
  const auto [left, right] = std::ranges::mismatch(a, b);
  const auto line_of = [](const std::string& text, std::string::const_iterator at) {
    const auto offset = static_cast<std::size_t>(at - text.begin());
    const auto begin = offset == 0 ? 0 : text.rfind('\n', offset - 1) + 1;
    return text.substr(begin, std::min(text.find('\n', begin), begin + 160) - begin);
  };
  broken(fmt::format("{}: `{}` the one time, `{}` the other", when, line_of(a, left),
                     line_of(b, right)));
}

struct Image {
  std::uintptr_t base = 0;
  std::vector<std::uint8_t> writable;
};
Image image_of(const std::string& path) {
  struct Search {
    const std::string& path;
    Image image;
  } search{path, {}};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& wanted = *static_cast<Search*>(data);
        if (wanted.path != info->dlpi_name) return 0;
        wanted.image.base = info->dlpi_addr;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) == 0) continue;
          const auto* from =
              reinterpret_cast<const std::uint8_t*>(info->dlpi_addr + segment.p_vaddr);
          wanted.image.writable.insert(wanted.image.writable.end(), from, from + segment.p_memsz);
        }
        return 1;
      },
      &search);
  return search.image;
}

struct LoadEffects {
  std::int64_t heap = 0;
  Image image;
};
LoadEffects effects_of(const Subject& subject, const std::string& path) {
  Subject other = subject;
  other.library = path;
  const auto before = heap_bytes_in_use();
  LoadEffects effects;
  {
    const Loaded library(other);
    effects.heap = static_cast<std::int64_t>(heap_bytes_in_use() - before);
    effects.image = image_of(path);
  }
  return effects;
}

// Words that differ, but for addresses within the library itself.
std::size_t changed_words(const Image& a, const Image& b) {
  std::size_t changed = 0;
  const std::size_t size = std::min(a.writable.size(), b.writable.size());
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    std::uint64_t left = 0;
    std::uint64_t right = 0;
    std::memcpy(&left, &a.writable[i], 8);
    std::memcpy(&right, &b.writable[i], 8);
    if (left != right && left - a.base != right - b.base) ++changed;
  }
  return changed;
}

}  // namespace

void check_load(Subject& subject) {
  Loaded library(subject);
  const auto& entry = library.entry();
  const Manifest& manifest = subject.file->manifest;
  set_phase("get_interface()");
  for (const std::string& id : manifest.interfaces) {
    require(entry.get_interface(id.c_str()) != nullptr,
            fmt::format("its manifest names {}, and get_interface() of it is null", id));
    const std::string longer = id + "x";
    require(
        entry.get_interface(longer.c_str()) == nullptr,
        fmt::format("get_interface(\"{}\") is not null: it compares only the beginning", longer));
  }
  for (const char* id : {GANTRY_DEX_ID, GANTRY_STRATEGY_ID, GANTRY_PAYMASTER_ID}) {
    if (std::ranges::find(manifest.interfaces, id) != manifest.interfaces.end()) continue;
    require(entry.get_interface(id) == nullptr,
            fmt::format("it offers {}, which its manifest does not name", id));
  }
  for (const char* id :
       {"", "gantry.", "gantry.nothing/1", "gantry.dex/999", "com.example.none/1"}) {
    require(entry.get_interface(id) == nullptr,
            fmt::format("get_interface(\"{}\") is not null: there is no such interface", id));
  }
  const void* again = entry.get_interface(interface_of(manifest.kind));
  require(again == library.table(), "get_interface() gives another table the second time");
}

void check_constructors(Subject& subject) {
  const std::string without = subject.library + ".plain";
  const auto round_before = std::fegetround();
  // Once each, so that what the loader itself keeps is there.
  effects_of(subject, subject.library);
  effects_of(subject, without);
  const auto with = effects_of(subject, subject.library);
  const auto plain = effects_of(subject, without);
  require(std::fegetround() == round_before, "its constructors change how floating point rounds");
  require(with.heap <= plain.heap,
          fmt::format("its constructors take {} bytes of memory", with.heap - plain.heap));
  constexpr std::size_t words_max = 64;  // what header-only libraries' own constants need
  const auto words = changed_words(with.image, plain.image);
  require(words <= words_max,
          fmt::format("its constructors compute {} bytes of its data", words * 8));
}

void check_unload(Subject& subject) {
  constexpr int warm_up = 5;
  constexpr int rounds = 100;
  std::size_t files = 0;
  std::uint64_t heap = 0;
  for (int i = 0; i < warm_up + rounds; ++i) {
    if (i == warm_up) {
      files = mapped_files(subject);
      heap = heap_bytes_in_use();
    }
    {
      Loaded library(subject);
      const Instance instance(library);
    }
    require(!is_mapped(subject.library),
            "it is still mapped after unloading: a STB_GNU_UNIQUE symbol, a thread_local "
            "destructor or -z nodelete keeps it");
  }
  require(mapped_files(subject) == files,
          fmt::format("after {} rounds {} mappings of files are there, {} before", rounds,
                      mapped_files(subject), files));
  const auto now = heap_bytes_in_use();
  require(now < heap + smallest_block * rounds,
          fmt::format("{} rounds of load, create, destroy and unload left {} bytes of memory",
                      rounds, now - heap));
}

void check_create(Subject& subject) {
  Loaded library(subject);
  library.destroy(nullptr);
  {
    const Instance first(library);
    const Instance second(library);
    require(first.object() != second.object(), "create() gives one object to two instances");
    for (const char* id : {"", "gantry.nothing/1", "com.example.none/1"}) {
      require(library.get_extension(first.object(), id) == nullptr,
              fmt::format("get_extension(\"{}\") is not null: there is no such extension", id));
    }
  }
  Random random(subject.seed);
  for (const Pick pick : {Pick::least, Pick::most, Pick::random, Pick::random, Pick::random}) {
    void* object = library.create(Parameters(subject.file->manifest, pick, random), true);
    if (object != nullptr) library.destroy(object);
  }
}

void check_threads(Subject& subject) {
  const std::string before = thread_count(subject);
  {
    Loaded library(subject);
    const Instance instance(library);
    run(subject, library, instance.object(), subject.seed);
    require(thread_count(subject) == before, "it started a thread");
  }
  require(thread_count(subject) == before, "it started a thread");
}

void check_purity(Subject& subject) {
  constexpr std::uint64_t more = 8;
  Loaded library(subject);
  const Instance first(library);
  const std::string answers = run(subject, library, first.object(), subject.seed);
  const Instance second(library);
  {
    const Instance other(library, Pick::random, subject.seed + 1);
    run(subject, library, other.object(), subject.seed + 2);
  }
  require_same(answers, run(subject, library, second.object(), subject.seed),
               "two instances answer the same questions differently");
  // A strategy remembers what it was told; the other kinds have nothing to remember.
  if (subject.file->manifest.kind != PluginKind::strategy) {
    for (std::uint64_t i = 3; i < 3 + more; ++i) {
      run(subject, library, first.object(), subject.seed + i);
    }
    require_same(answers, run(subject, library, first.object(), subject.seed),
                 "it answers the same questions differently after other calls");
  }
}

void check_determinism(Subject& subject) {
  Loaded library(subject);
  const Instance instance(library);
  const std::string answers = run(subject, library, instance.object(), subject.seed);
  subject.note = sha256_of(std::as_bytes(std::span(answers)));
}

void check_memory(Subject& subject) {
  Loaded library(subject);
  const Instance instance(library);
  run(subject, library, instance.object(), subject.seed, true);
}

void check_heap(Subject& subject) {
  bool checking = false;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        if (std::strstr(info->dlpi_name, "libc_malloc_debug") != nullptr) {
          *static_cast<bool*>(data) = true;
        }
        return 0;
      },
      &checking);
  if (!checking) throw Skipped{"the C library's libc_malloc_debug.so.0 is not installed"};
  Loaded library(subject);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Instance instance(library, i == 0 ? Pick::defaults : Pick::random, subject.seed + i);
    run(subject, library, instance.object(), subject.seed + i);
  }
}

void check_leaks(Subject& subject) {
  constexpr int warm_up = 4;
  constexpr int rounds = 16;
  Loaded library(subject);
  const auto growth = [&](const auto& round) {
    std::uint64_t before = 0;
    for (int i = 0; i < warm_up + rounds; ++i) {
      if (i == warm_up) before = heap_bytes_in_use();
      round();
    }
    const auto after = heap_bytes_in_use();
    return after > before ? after - before : 0;
  };
  const auto lives = growth([&] { const Instance instance(library); });
  require(lives < smallest_block * rounds,
          fmt::format("{} instances made and destroyed left {} bytes", rounds, lives));
  const auto whole = growth([&] {
    const Instance instance(library);
    run(subject, library, instance.object(), subject.seed);
  });
  require(whole < smallest_block * rounds,
          fmt::format("{} instances made, used and destroyed left {} bytes", rounds, whole));
  const Instance instance(library);
  const auto calls = growth([&] { run(subject, library, instance.object(), subject.seed); });
  require(
      calls < smallest_block * rounds,
      fmt::format("one instance keeps {} bytes more after the same calls {} times", calls, rounds));
}

}  // namespace gantry::host::kit
