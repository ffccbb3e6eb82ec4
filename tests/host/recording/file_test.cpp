// Recordings on the disk: names, crashes, failures.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "support/temporary_folder.hpp"
#include "tests/host/recording/samples.hpp"

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

// Takes so many bytes and then fails, as a full disk does.
class FullDisk final : public ByteSink {
 public:
  explicit FullDisk(std::size_t room) : room_(room) {}
  Status write(std::span<const std::uint8_t> bytes) override {
    if (bytes.size() > room_) return fail(ErrorKind::io, "no space left");
    room_ -= bytes.size();
    return {};
  }
  Status commit() override { return {}; }

 private:
  std::size_t room_;
};

Bytes bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const fs::path& path, const Bytes& bytes) {
  std::ofstream file(path, std::ios::binary);
  for (const std::uint8_t byte : bytes) file.put(static_cast<char>(byte));
}

}  // namespace

TEST_CASE("a recording gets its name only when it is finished") {
  const TemporaryFolder folder;
  const auto path = folder / "a.gantry";
  auto writer = must(RecordingWriter::create(path));
  for (const Record& record : sample_records()) must(writer.append(record));
  REQUIRE_FALSE(fs::exists(path));
  REQUIRE(fs::exists(folder / "a.gantry.partial"));
  must(writer.finish());
  REQUIRE(fs::exists(path));
  REQUIRE(folder.files() == 1);
  REQUIRE(read_all(bytes_of(path)).whole());
  auto reader = must(RecordingReader::open(path));
  REQUIRE(reader.header().creator == "gantry test");
}

TEST_CASE("what was flushed before a crash is a readable prefix") {
  const TemporaryFolder folder;
  const auto records = sample_records();
  auto writer = must(RecordingWriter::create(folder / "a.gantry"));
  const std::size_t flushed = 19;  // with the second block's opening
  for (std::size_t i = 0; i < flushed; ++i) must(writer.append(records[i]));
  must(writer.flush());
  must(writer.append(records[flushed]));
  // What another process sees now is what a kill -9 would leave.
  const auto read = read_all(bytes_of(folder / "a.gantry.partial"));
  REQUIRE(read.error);
  REQUIRE(read.error->message.find("there is no end record") != std::string::npos);
  REQUIRE(read.records.size() == flushed);
  REQUIRE(read.position.last_whole_block == 10'982'000U);
}

TEST_CASE("a writer that is abandoned keeps what it had, and is not overwritten by the next") {
  const TemporaryFolder folder;
  {
    auto writer = must(RecordingWriter::create(folder / "a.gantry"));
    must(writer.append(sample_header()));
  }
  REQUIRE(read_all(bytes_of(folder / "a.gantry.partial")).records.size() == 1);
  auto writer = must(RecordingWriter::create(folder / "a.gantry"));
  must(writer.append(sample_header()));
  must(writer.finish());
  REQUIRE(folder.files() == 2);
  REQUIRE(read_all(bytes_of(folder / "a.gantry")).whole());
}

TEST_CASE("a finished recording replaces the one of its name in one step") {
  const TemporaryFolder folder;
  const auto path = folder / "a.gantry";
  const Bytes old(magic.begin(), magic.end());
  write_bytes(path, old);
  auto writer = must(RecordingWriter::create(path));
  must(writer.append(sample_header()));
  REQUIRE(bytes_of(path) == old);
  must(writer.finish());
  REQUIRE(read_all(bytes_of(path)).whole());
}

TEST_CASE("a recording replaces nothing but a recording, and never what is being read") {
  const TemporaryFolder folder;
  const auto refused = [&](const fs::path& path, const std::string& why,
                           const fs::path& input = {}) {
    INFO(path);
    const auto before = folder.files();
    const auto free = check_target(path, input);
    REQUIRE_FALSE(free);
    CHECK(free.error().kind == ErrorKind::io);
    CHECK_THAT(free.error().message,
               Catch::Contains(path.string()) && Catch::Contains(why) && Catch::Contains("ame a"));
    if (input.empty()) CHECK_FALSE(RecordingWriter::create(path));
    CHECK(folder.files() == before);
  };
  const auto recording = folder / "old.gantry";
  write_bytes(recording, {magic.begin(), magic.end()});
  must(check_target(recording));
  must(check_target(folder / "new.gantry"));
  must(check_target(recording, folder / "other.gantry"));
  write_bytes(folder / "empty", {});  // nothing is lost with it
  must(check_target(folder / "empty"));

  write_bytes(folder / "text", {'t', 'e', 'x', 't'});
  refused(folder / "text", "that is no recording");
  write_bytes(folder / "start", {magic.begin(), magic.end() - 1});
  refused(folder / "start", "that is no recording");
  fs::create_directory(folder / "sub");
  refused(folder / "sub", "a folder");
  refused(folder / "none/", "a folder");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  refused(folder / "pipe", "a pipe");
  fs::create_symlink("old.gantry", folder / "link");
  fs::create_symlink("nowhere", folder / "dangling");
  fs::create_symlink("sub", folder / "to_folder");
  for (const char* link : {"link", "dangling", "to_folder"}) {
    refused(folder / link, "a symbolic link");
  }
  refused(folder / "no/such/a.gantry", "its folder");
  refused(folder / "text/a.gantry", "ot a directory");
  if (::geteuid() != 0) {
    fs::permissions(folder / "sub", fs::perms::owner_read | fs::perms::owner_exec);
    refused(folder / "sub/a.gantry", "takes no file");
    fs::permissions(folder / "sub", fs::perms::owner_all);
  }

  refused(recording, "the input itself", recording);
  fs::create_hard_link(recording, folder / "same");
  refused(folder / "same", "the input itself", recording);
  refused(recording, "the input itself", folder / "link");
}

TEST_CASE("a file that came to be there during the run is kept, and so is the recording") {
  const TemporaryFolder folder;
  const auto path = folder / "a.gantry";
  auto writer = must(RecordingWriter::create(path));
  must(writer.append(sample_header()));
  write_bytes(path, {'n', 'e', 'w'});
  const auto end = writer.finish();
  REQUIRE_FALSE(end);
  REQUIRE_THAT(end.error().message, Catch::Contains("a.gantry.partial"));
  REQUIRE(bytes_of(path) == Bytes{'n', 'e', 'w'});
  REQUIRE(read_all(bytes_of(folder / "a.gantry.partial")).whole());
}

TEST_CASE("a file that is not there, and a folder that cannot be written, are reported by name") {
  const TemporaryFolder folder;
  const auto missing = RecordingReader::open(folder / "none.gantry");
  REQUIRE_FALSE(missing);
  REQUIRE(missing.error().kind == ErrorKind::not_found);
  REQUIRE(missing.error().message.find("none.gantry") != std::string::npos);
  const auto nowhere = RecordingWriter::create(folder / "no/such/a.gantry");
  REQUIRE_FALSE(nowhere);
  REQUIRE(nowhere.error().message.find("no/such/a.gantry") != std::string::npos);
  const auto directory = RecordingReader::open(folder / ".");
  REQUIRE_FALSE(directory);
  REQUIRE(directory.error().kind == ErrorKind::io);
  REQUIRE_THAT(directory.error().message, Catch::Contains("it is a folder"));
}

TEST_CASE("frames are closed where the format's description says") {
  std::vector<Record> records = {sample_header(), Block{1, 1, gantry_amount{}, std::nullopt}};
  const Fact fact{no_pool, FactKind::http, 0, 0, gantry_address{}, {}, Bytes(1000, 7)};
  records.insert(records.end(), 1000, fact);
  constexpr std::size_t record_bytes = 1100;
  const auto sizes = frame_sizes(write_all(records));
  REQUIRE(sizes.size() == 4);
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    CHECK(sizes[i] >= 256U << 10U);
    CHECK(sizes[i] < (256U << 10U) + record_bytes);
  }
  // The market that ships is an import's.
  const auto shipped = frame_sizes(bytes_of(GANTRY_RECORDING));
  CHECK(shipped.front() >= 4U << 20U);
  CHECK(*std::ranges::max_element(shipped) < (4U << 20U) + record_bytes);
}

TEST_CASE("a full disk ends the recording, and every later call says so") {
  const auto room = GENERATE(as<std::size_t>{}, 16, 17, 100, 400);
  auto writer = must(RecordingWriter::create(std::make_unique<FullDisk>(room), {3, 1}));
  Status status;
  for (const Record& record : sample_records()) {
    status = writer.append(record);
    if (!status) break;
  }
  REQUIRE_FALSE(status);
  REQUIRE(status.error().message == "no space left");
  REQUIRE(writer.append(Event{}).error().message == "no space left");
  REQUIRE(writer.flush().error().message == "no space left");
  REQUIRE(writer.finish().error().message == "no space left");
}
