// What a library needs, told before any of it is loaded.
#include "host/plugin/compatibility.hpp"

#include <gnu/libc-version.h>

#include <catch2/catch.hpp>

#include "workshop.hpp"

using namespace gantry::host;
using namespace gantry::host::tests;
namespace fs = std::filesystem;

namespace {

PluginFile trader() {
  return inspect_plugin_file(fs::path(GANTRY_TRADERS) / "trader_0.1.0.so").value();
}

std::string refusal(const PluginFile& file, const HostFacts& host) {
  const auto checked = check_compatible(file, host);
  return checked ? std::string() : checked.error().message;
}

HostFacts debian_12() {
  return {.machine = this_host().machine,
          .glibc = "2.36",
          .glibcxx = "3.4.30",
          .interfaces = this_host().interfaces,
          .sanitized = true};
}

}  // namespace

TEST_CASE("this host knows itself, and its own plugins fit it") {
  CHECK(this_host().glibc == ::gnu_get_libc_version());
  CHECK(this_host().glibcxx.starts_with("3.4."));
  CHECK(refusal(trader(), this_host()).empty());
}

TEST_CASE("a newer glibc, libstdc++, interface or another machine is refused with the remedy") {
  PluginFile file = trader();
  file.elf.glibc = "2.38";
  CHECK(has(refusal(file, debian_12()),
            "needs GLIBC_2.38, this host has 2.36: rebuild on Debian 12"));
  file.elf.glibc = "2.9";
  CHECK(refusal(file, debian_12()).empty());
  file.elf.glibcxx = "3.4.31";
  CHECK(has(refusal(file, debian_12()), "needs GLIBCXX_3.4.31 of libstdc++, this host has 3.4.30"));
  file = trader();
  file.elf.machine = "aarch64";
  HostFacts host = debian_12();
  host.machine = "x86-64";
  CHECK(has(refusal(file, host), "is built for aarch64, this host is x86-64"));
  file = trader();
  file.manifest.interfaces = {"gantry.strategy/2"};
  CHECK(has(refusal(file, debian_12()),
            "needs gantry.strategy/2 (SDK 0.1.0), this host serves gantry.strategy/1"));
  file.manifest.interfaces = {"gantry.strategy/2", "gantry.strategy/1"};
  CHECK(refusal(file, debian_12()).empty());
  file.manifest.interfaces = {"gantry.dex/1"};
  CHECK(has(refusal(file, debian_12()), "lists no gantry.strategy/N"));
  file = trader();
  file.elf.needed = {"libasan.so.8", "libc.so.6"};
  host = debian_12();
  host.sanitized = false;
  CHECK(has(refusal(file, host), "was built with a sanitizer (libasan.so.8)"));
}

TEST_CASE("versions are compared as semantic versioning has it") {
  const char* ascending[] = {
      "0.9.0",      "0.10.0",       "1.0.0-alpha",   "1.0.0-alpha.1", "1.0.0-alpha.beta",
      "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",    "1.0.0",
      "1.0.1"};
  for (std::size_t i = 0; i + 1 < std::size(ascending); ++i) {
    INFO(ascending[i] << " " << ascending[i + 1]);
    CHECK(compare_versions(ascending[i], ascending[i + 1]) == -1);
    CHECK(compare_versions(ascending[i + 1], ascending[i]) == 1);
  }
  CHECK(compare_versions("1.0.0+one", "1.0.0+two") == 0);
}

TEST_CASE("a library that asks for a later glibc is refused by the host before it is loaded") {
  const Workshop desk;
  desk.use_trader("trader");
  fs::create_directory(desk / "plugins");
  // The version's name is a text of the file; the loader would find it missing and say so its way.
  std::string bytes = read_text(fs::path(GANTRY_TRADERS) / "trader_0.1.0.so");
  const std::size_t at = bytes.find("GLIBC_2.");
  REQUIRE(at != std::string::npos);
  const std::size_t end = bytes.find('\0', at);
  std::string later = "GLIBC_9." + std::string(end - at - 8, '9');
  bytes.replace(at, later.size(), later);
  write_text(desk / "plugins/trader.so", bytes);
  const Ended ended = desk.run({"run", "--blocks", "1", "--plugins", (desk / "plugins").string(),
                                "--plugins", GANTRY_PLUGINS});
  CHECK(ended.code == 3);
  CHECK(has(ended.err, "needs GLIBC_9.9"));
  CHECK(has(ended.err, "this host has " + this_host().glibc));
  CHECK_FALSE(has(ended.err, "the dynamic loader says"));
}
