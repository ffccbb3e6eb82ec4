// Recordings on the disk: names, crashes, failures.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/host/recording/samples.hpp"

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

// A folder of its own, removed with the test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "gantry-recording-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] fs::path operator/(const char* name) const { return path_ / name; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

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

}  // namespace

TEST_CASE("a recording gets its name only when it is finished") {
  const Folder folder;
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
  const Folder folder;
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
  const Folder folder;
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
  const Folder folder;
  const auto path = folder / "a.gantry";
  std::ofstream(path) << "old";
  auto writer = must(RecordingWriter::create(path));
  must(writer.append(sample_header()));
  REQUIRE(bytes_of(path) == Bytes{'o', 'l', 'd'});
  must(writer.finish());
  REQUIRE(read_all(bytes_of(path)).whole());
}

TEST_CASE("a file that is not there, and a folder that cannot be written, are reported by name") {
  const Folder folder;
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
