// What is inside a bundle, and what never may be. Hostile archives are made with libarchive itself.
#include "host/bundle/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <zstd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <random>

#include "host/bundle/bundle.hpp"
#include "host/bundle/disk.hpp"
#include "workshop.hpp"

using namespace gantry::host;
using namespace gantry::host::bundle;
using namespace gantry::host::tests;
namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

namespace {

struct Piece {
  std::string name;
  std::string content;
  mode_t type = AE_IFREG;
  std::string target;  // of a symbolic link
  std::string hardlink;
  long time = 0;
  unsigned owner = 0;
};

Bytes compress(const Bytes& raw) {
  Bytes out(ZSTD_compressBound(raw.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), 3));
  return out;
}

Bytes tar_of(const std::vector<Piece>& pieces, int format = ARCHIVE_FORMAT_TAR_USTAR) {
  Bytes tar(1 << 20);
  std::size_t used = 0;
  archive* writer = archive_write_new();
  REQUIRE(archive_write_set_format(writer, format) == ARCHIVE_OK);
  archive_write_set_bytes_in_last_block(writer, 10240);  // as tar ends
  REQUIRE(archive_write_open_memory(writer, tar.data(), tar.size(), &used) == ARCHIVE_OK);
  for (const Piece& piece : pieces) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, piece.name.c_str());
    archive_entry_set_filetype(entry, piece.type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_uid(entry, piece.owner);
    archive_entry_set_mtime(entry, piece.time, 0);
    archive_entry_set_size(entry, static_cast<la_int64_t>(piece.content.size()));
    if (!piece.target.empty()) archive_entry_set_symlink(entry, piece.target.c_str());
    if (!piece.hardlink.empty()) archive_entry_set_hardlink(entry, piece.hardlink.c_str());
    REQUIRE(archive_write_header(writer, entry) >= ARCHIVE_WARN);
    if (!piece.content.empty())
      archive_write_data(writer, piece.content.data(), piece.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  tar.resize(used);
  return tar;
}

std::string refusal(const Bytes& bytes) {
  const auto read = unpack_archive(bytes, "hostile");
  return read ? std::string() : read.error().message;
}

}  // namespace

TEST_CASE("packing is the same to the bit, whatever the order, the time and the folder") {
  const std::vector<Entry> entries{{"b/c", bytes_of("1")}, {"a", bytes_of("22")}};
  const std::vector<Entry> other{{"a", bytes_of("22")}, {"b/c", bytes_of("1")}};
  CHECK(pack_archive(entries).value() == pack_archive(other).value());

  const Workshop first;
  const Workshop second;
  const fs::path one = first.pack("0.1.0");
  fs::copy_file(fs::path(GANTRY_TRADERS) / "trader_0.1.0.so", second / "renamed.so");
  const fs::path two = second.pack_library(second / "renamed.so", "elsewhere");
  CHECK(read_text(one) == read_text(two));
  // The stock programs read it.
  CHECK(run_program({"zstd", "-q", "-t", one.string()}).code == 0);
  const Ended names = run_program({"tar", "--zstd", "-tf", one.string()});
  CHECK(names.out ==
        "LICENSE\nbundle.json\nlib/x86_64-linux-gnu/trader.so\nparameters.json\nsbom.spdx.json\n");
}

TEST_CASE("what is packed is what comes out") {
  const std::vector<Entry> entries{{"a", bytes_of("")}, {"lib/x/y.so", bytes_of("bytes")}};
  const auto read = unpack_archive(pack_archive(entries).value(), "bundle");
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  CHECK(text_of((*read)[1].bytes) == "bytes");
}

TEST_CASE("paths that lead out, links, devices, folders and doubles are refused by name") {
  const auto of = [](const std::vector<Piece>& pieces) {
    return refusal(compress(tar_of(pieces)));
  };
  CHECK(has(of({{"/etc/passwd", "x"}}), "/etc/passwd is an absolute path"));
  CHECK(has(of({{"../../x", "x"}}), "leads out of its folder"));
  CHECK(has(of({{"lib/../../x", "x"}}), "leads out of its folder"));
  CHECK(has(of({{"./x", "x"}}), "has an empty part"));
  CHECK(has(of({{"x y", "x"}}), "has other characters"));
  CHECK(has(of({{"link", "", AE_IFLNK, "/etc/passwd"}}), "is a link"));
  CHECK(has(of({{"a", "x"}, {"b", "", AE_IFREG, "", "a"}}), "is a link"));
  CHECK(has(of({{"pipe", "", AE_IFIFO}}), "only plain files"));
  CHECK(has(of({{"device", "", AE_IFCHR}}), "only plain files"));
  CHECK_FALSE(of({{"folder", "", AE_IFDIR}}).empty());
  CHECK(has(of({{"a", "x"}, {"a", "y"}}), "is there twice"));
  CHECK(has(of({{"b", "x"}, {"a", "y"}}), "are not sorted"));
  CHECK(of({{"a", "x"}, {"b", "y"}}) == "");
}

TEST_CASE("a tar that says more than its files is refused") {
  CHECK(has(refusal(compress(tar_of({{"a", "x", AE_IFREG, "", "", 1700000000}}))),
            "more than plain"));
  CHECK(has(refusal(compress(tar_of({{"a", "x", AE_IFREG, "", "", 0, 1000}}))), "more than plain"));
  CHECK(has(refusal(compress(tar_of({{"a", "x"}}, ARCHIVE_FORMAT_TAR_GNUTAR))), "more than plain"));
  Bytes behind = tar_of({{"a", "x"}});
  const Bytes more = tar_of({{"b", "y"}});
  behind.insert(behind.end(), more.begin(), more.end());  // a second archive behind the end
  CHECK_FALSE(refusal(compress(behind)).empty());
}

TEST_CASE("a bomb is refused by what it states, before memory is taken") {
  const Bytes zeros(100u << 20);
  const Bytes bomb = compress(zeros);
  CHECK(bomb.size() < 20000);
  CHECK(has(refusal(bomb), "would expand to 104857600 bytes"));
  Bytes too_long(bundle_bytes_max + 1);
  CHECK(has(refusal(too_long), "a bundle may have"));
  std::vector<Piece> many;
  for (int i = 100; i < 200; ++i) many.push_back({std::to_string(i), "x"});
  CHECK(refusal(compress(tar_of(many))) == "hostile: is refused: it holds more than 64 files.");
}

TEST_CASE("a frame without its size, a second frame and bytes behind the end are refused") {
  const Bytes good = compress(tar_of({{"a", "x"}}));
  Bytes twice = good;
  twice.insert(twice.end(), good.begin(), good.end());
  CHECK(has(refusal(twice), "behind its end"));
  Bytes behind = good;
  behind.push_back(std::byte{0});
  CHECK_FALSE(refusal(behind).empty());
  CHECK(has(refusal(bytes_of("PK no zstd")), "does not begin as a .tar.zst"));
}

TEST_CASE("a bundle cut anywhere, or changed in any of its bytes, is never read as the same one") {
  const Workshop desk;
  const auto good = read_file(desk.pack("0.1.0"), bundle_bytes_max).value();
  const auto whole = unpack_archive(good, "good").value();
  for (std::size_t size = 0; size < good.size(); size += 97) {
    CHECK_FALSE(read_bundle(std::span(good).first(size), "cut"));
  }
  std::mt19937_64 random(20201016);
  for (int trial = 0; trial < 300; ++trial) {
    Bytes changed = good;
    changed[random() % changed.size()] ^= static_cast<std::byte>(1u << (random() % 8));
    // A decoder of zstd has to ignore one bit of the frame's header: the same bundle then, but not
    // the file that was signed and pinned.
    if (const auto read = read_bundle(changed, "changed")) {
      const auto unpacked = unpack_archive(changed, "changed").value();
      CHECK(std::ranges::equal(unpacked, whole, [](const Entry& a, const Entry& b) {
        return a.name == b.name && a.bytes == b.bytes;
      }));
      CHECK(read->sha256 != read_bundle(good, "good").value().sha256);
    }
  }
}

TEST_CASE("a bundle that contradicts itself is refused, and says where") {
  const Workshop desk;
  const auto good = read_file(desk.pack("0.1.0"), bundle_bytes_max).value();
  const auto entries = unpack_archive(good, "good").value();
  const auto with = [&](std::string_view name, std::string_view from, std::string_view to) {
    std::vector<Entry> changed = entries;
    for (Entry& entry : changed) {
      if (entry.name != name) continue;
      std::string text(text_of(entry.bytes));
      const std::size_t at = text.find(from);
      REQUIRE(at != std::string::npos);
      entry.bytes = bytes_of(text.replace(at, from.size(), to));
    }
    const auto read = read_bundle(pack_archive(changed).value(), "changed");
    return read ? std::string() : read.error().message;
  };
  CHECK(has(with("bundle.json", "0.1.0", "9.9.9"), "does not say what its libraries say"));
  CHECK(has(with("bundle.json", "\"format\": 1", "\"format\": 2"),
            "has format 2, this host reads 1"));
  CHECK(has(with("parameters.json", "share_bps", "other_bps"), "is not its libraries'"));
  CHECK(has(with("bundle.json", "x86_64-linux-gnu/trader.so", "x86_64-linux-gnu/trades.so"),
            "which its bundle.json does not name"));

  std::vector<Entry> swapped = entries;
  for (Entry& entry : swapped) {
    if (entry.name.starts_with("lib/")) {
      entry.bytes = bytes_of(read_text(fs::path(GANTRY_TRADERS) / "trader_0.2.0.so"));
    }
  }
  const auto read = read_bundle(pack_archive(swapped).value(), "swapped");
  CHECK(has(read.error().message, "holds another lib/x86_64-linux-gnu/trader.so"));
  std::vector<Entry> more = entries;
  more.push_back({"lib/extra.so", bytes_of("x")});
  CHECK_FALSE(read_bundle(pack_archive(more).value(), "more"));
  for (const char* name : {"LICENSE", "bundle.json", "parameters.json", "sbom.spdx.json"}) {
    std::vector<Entry> less = entries;
    std::erase_if(less, [&](const Entry& entry) { return entry.name == name; });
    CHECK(has(read_bundle(pack_archive(less).value(), "less").error().message, name));
  }
}

TEST_CASE("one bundle holds a plugin for two machines; two for one, or two plugins, it does not") {
  const Workshop desk;
  // The machine is a number in the header: what is packed is never run.
  std::string bytes = read_text(fs::path(GANTRY_TRADERS) / "trader_0.1.0.so");
  bytes[18] = static_cast<char>(183);
  bytes[19] = 0;
  write_text(desk / "arm.so", bytes);
  const std::string mine = GANTRY_TRADERS "/trader_0.1.0.so";
  const auto pack = [&](const std::string& other) {
    return desk.run({"bundle", "pack", mine, other, "--licence", GANTRY_SOURCE "/LICENSE", "--out",
                     (desk / "both.tar.zst").string()});
  };
  const Ended both = pack((desk / "arm.so").string());
  INFO(both.err);
  CHECK(both.code == 0);
  CHECK(has(both.out, "aarch64-linux-gnu, x86_64-linux-gnu"));
  CHECK(has(pack(mine).err, "is a second library for"));
  CHECK(has(pack(GANTRY_TRADERS "/trader_0.2.0.so").err, "has another version than"));
  CHECK(has(pack(GANTRY_PLUGINS "/triangular.so").err, "has another id than"));
}

TEST_CASE("the bill of materials names what the library links, its compiler and its SDK") {
  const Workshop desk;
  const auto bytes = read_file(desk.pack("0.1.0"), bundle_bytes_max).value();
  const auto read = read_bundle(bytes, "bundle").value();
  const auto sbom = boost::json::parse(text_of(read.entry(sbom_name).bytes)).as_object();
  CHECK(sbom.at("spdxVersion").as_string() == "SPDX-2.3");
  const std::string text(text_of(read.entry(sbom_name).bytes));
  for (const std::string& needed : read.libraries.front().elf.needed) CHECK(has(text, needed));
  CHECK(has(text, "gantry-sdk"));
  CHECK(has(text, "BUILD_TOOL_OF"));
  CHECK(has(text, read.libraries.front().sha256));
}
