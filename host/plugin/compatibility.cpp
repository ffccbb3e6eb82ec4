#include "host/plugin/compatibility.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gnu/libc-version.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "gantry/dex.h"
#include "gantry/paymaster.h"
#include "gantry/strategy.h"

namespace gantry::host {
namespace {

struct Release {
  std::string_view name;
  std::string_view glibc;
};
// What "an older system" means in practice.
constexpr std::array releases{Release{"Debian 11", "2.31"}, Release{"Debian 12", "2.36"},
                              Release{"Debian 13", "2.41"}};

// The newest release whose libraries this host has too.
std::string_view release_for(std::string_view glibc) {
  std::string_view best = releases.front().name;
  for (const Release& release : releases) {
    if (compare_dotted(release.glibc, glibc) <= 0) best = release.name;
  }
  return best;
}

// The libstdc++ that this process runs with says in its strings which versions it has.
std::string newest_glibcxx() {
  std::string path;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        const std::string_view name = info->dlpi_name;
        if (name.find("/libstdc++.so") == std::string_view::npos) return 0;
        *static_cast<std::string*>(data) = name;
        return 1;
      },
      &path);
  const auto file = path.empty() ? fail(ErrorKind::not_found, {}) : ElfFile::open(path);
  if (!file) return {};
  const auto section = file->section(".dynstr");
  if (!section) return {};
  const auto bytes = file->contents(*section);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr std::string_view prefix = "GLIBCXX_";
  std::string newest;
  for (std::size_t at = text.find(prefix); at != std::string_view::npos;
       at = text.find(prefix, at + 1)) {
    const std::string_view rest = text.substr(at + prefix.size());
    const std::string version(rest.substr(0, rest.find_first_not_of("0123456789.")));
    if (!version.empty() && compare_dotted(version, newest) > 0) newest = version;
  }
  return newest;
}

HostFacts read_host() {
  HostFacts host;
#if defined(__x86_64__)
  host.machine = "x86-64";
#else
  host.machine = "aarch64";
#endif
  host.glibc = ::gnu_get_libc_version();
  host.glibcxx = newest_glibcxx();
  host.interfaces = {GANTRY_DEX_ID, GANTRY_STRATEGY_ID, GANTRY_PAYMASTER_ID};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  host.sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  host.sanitized = true;
#endif
#endif
  return host;
}

std::uint64_t take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return number;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view next_part(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find('.'));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

int compare_prereleases(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return static_cast<int>(a.empty()) - static_cast<int>(b.empty());
  while (!a.empty() && !b.empty()) {
    const std::string_view left = next_part(a);
    const std::string_view right = next_part(b);
    if (is_number(left) && is_number(right)) {
      if (const int order = compare_dotted(left, right); order != 0) return order;
    } else if (is_number(left) != is_number(right)) {
      return is_number(left) ? -1 : 1;
    } else if (left != right) {
      return left < right ? -1 : 1;
    }
  }
  return static_cast<int>(!a.empty()) - static_cast<int>(!b.empty());
}

// "gantry.dex/" of "gantry.dex/1", with the slash.
std::string_view family_of(std::string_view interface) {
  return interface.substr(0, interface.find('/') + 1);
}

Status check_interface(const PluginFile& file, const HostFacts& host) {
  const std::string family = fmt::format("gantry.{}/", to_string(file.manifest.kind));
  std::vector<std::string_view> served, wanted;
  for (const std::string& each : host.interfaces) {
    if (family_of(each) == family) served.push_back(each);
  }
  for (const std::string& each : file.manifest.interfaces) {
    if (family_of(each) != family) continue;
    if (std::ranges::find(served, each) != served.end()) return {};
    wanted.push_back(each);
  }
  if (wanted.empty()) {
    return fail(ErrorKind::plugin,
                fmt::format("{}: its manifest calls it a {} and lists no {}N; correct its "
                            "plugin.json and build it again",
                            file.path.string(), to_string(file.manifest.kind), family));
  }
  const std::string& sdk = file.manifest.toolchain.sdk;
  return fail(ErrorKind::plugin,
              fmt::format("{}: needs {}{}, this host serves {}: install a newer host, or a version "
                          "of the plugin that was built for {}",
                          file.path.string(), fmt::join(wanted, ", "),
                          sdk.empty() ? "" : fmt::format(" (SDK {})", sdk), fmt::join(served, ", "),
                          fmt::join(served, ", ")));
}

}  // namespace

const HostFacts& this_host() {
  static const HostFacts host = read_host();
  return host;
}

int compare_dotted(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    std::string_view left = next_part(a);
    std::string_view right = next_part(b);
    const std::uint64_t x = take_number(left);
    const std::uint64_t y = take_number(right);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

int compare_versions(std::string_view a, std::string_view b) {
  const auto split = [](std::string_view text) {
    text = text.substr(0, text.find('+'));
    const std::size_t dash = text.find('-');
    return std::pair(text.substr(0, dash),
                     dash == std::string_view::npos ? std::string_view() : text.substr(dash + 1));
  };
  const auto [core_a, pre_a] = split(a);
  const auto [core_b, pre_b] = split(b);
  const int order = compare_dotted(core_a, core_b);
  return order != 0 ? order : compare_prereleases(pre_a, pre_b);
}

Status check_compatible(const PluginFile& file, const HostFacts& host) {
  const std::string path = file.path.string();
  const auto refuse = [&](std::string message) {
    return fail(ErrorKind::plugin, fmt::format("{}: {}", path, message));
  };
  if (file.elf.machine != host.machine) {
    return refuse(fmt::format("is built for {}, this host is {}: build it for this machine",
                              file.elf.machine, host.machine));
  }
  if (!file.elf.glibc.empty() && compare_dotted(file.elf.glibc, host.glibc) > 0) {
    return refuse(fmt::format("needs GLIBC_{}, this host has {}: rebuild on {}", file.elf.glibc,
                              host.glibc, release_for(host.glibc)));
  }
  if (!host.glibcxx.empty() && !file.elf.glibcxx.empty() &&
      compare_dotted(file.elf.glibcxx, host.glibcxx) > 0) {
    return refuse(fmt::format("needs GLIBCXX_{} of libstdc++, this host has {}: rebuild on {}",
                              file.elf.glibcxx, host.glibcxx, release_for(host.glibc)));
  }
  for (const std::string& needed : file.elf.needed) {
    const bool sanitizer = needed.starts_with("libasan.") || needed.starts_with("libtsan.") ||
                           needed.starts_with("libubsan.") || needed.starts_with("libhwasan.");
    if (!sanitizer || host.sanitized) continue;
    return refuse(
        fmt::format("was built with a sanitizer ({}), this host was not: rebuild it "
                    "without -fsanitize",
                    needed));
  }
  return check_interface(file, host);
}

}  // namespace gantry::host
