// A recording that is cut or altered anywhere is reported, and what came before is read.
#include <catch2/catch.hpp>

#include "tests/host/recording/samples.hpp"

using namespace gantry::test;

namespace {

// Small frames, so that damage in one leaves others whole.
Bytes small_file() { return write_all(sample_records(), {3, 150}); }

// The records that `read` gave are the first of the sample's, unchanged.
void require_prefix(const std::vector<Bytes>& whole, const ReadAll& read) {
  REQUIRE(read.records.size() <= whole.size());
  const auto got = encoded(read.records);
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == whole[i]);
}

void require_explained(const Error& error) {
  REQUIRE(error.kind == ErrorKind::format);
  REQUIRE(error.message.find("a recording: at byte ") == 0);
  REQUIRE(error.message.find(", frame ") != std::string::npos);
  REQUIRE(error.message.find(", record ") != std::string::npos);
  REQUIRE(error.message.find("whole") != std::string::npos);
  REQUIRE(error.message.find("get the file again") != std::string::npos);
}

// Where each frame ends, and how many records are there by then.
struct Boundary {
  std::size_t offset = 0;
  std::size_t records = 0;
};

std::vector<Boundary> boundaries(const Bytes& file) {
  std::vector<Boundary> result = {{file_head_bytes, 0}};
  while (result.back().offset < file.size()) {
    const std::size_t at = result.back().offset;
    const auto head = must(read_frame_head(std::span(file).subspan(at).first<frame_head_bytes>()));
    result.push_back(
        {at + frame_head_bytes + head.stored_bytes, result.back().records + head.records});
  }
  return result;
}

}  // namespace

TEST_CASE("a recording cut at any byte is reported, and gives every frame before the cut") {
  const Bytes file = small_file();
  const auto whole = encoded(sample_records());
  const auto frames = boundaries(file);
  REQUIRE(frames.size() > 5);
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    const auto read = read_all(Bytes(file.begin(), file.begin() + static_cast<long>(size)));
    REQUIRE(read.error);
    require_explained(*read.error);
    require_prefix(whole, read);
    std::size_t there = 0;
    for (const Boundary& frame : frames) {
      if (frame.offset <= size) there = frame.records;
    }
    REQUIRE(read.records.size() == there);
  }
}

TEST_CASE("a recording with any one bit turned is reported, and gives only what was written") {
  const Bytes file = small_file();
  const auto whole = encoded(sample_records());
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    CAPTURE(bit);
    Bytes altered = file;
    altered[bit / 8] = static_cast<std::uint8_t>(altered[bit / 8] ^ (1U << (bit % 8)));
    const auto read = read_all(std::move(altered));
    REQUIRE(read.error);
    require_explained(*read.error);
    require_prefix(whole, read);
  }
}

TEST_CASE("a frame that is missing, doubled or out of place is reported") {
  const Bytes file = small_file();
  const auto frames = boundaries(file);
  const auto part = [&](std::size_t frame) {
    return Bytes(file.begin() + static_cast<long>(frames[frame].offset),
                 file.begin() + static_cast<long>(frames[frame + 1].offset));
  };
  std::vector<Bytes> order;
  const std::size_t count = frames.size() - 1;
  for (std::size_t i = 0; i < count; ++i) order.push_back(part(i));
  SECTION("missing") { order.erase(order.begin() + 2); }
  SECTION("doubled") { order.insert(order.begin() + 2, part(2)); }
  SECTION("swapped") { std::swap(order[1], order[2]); }
  SECTION("after the end") { order.push_back(part(count - 1)); }
  const auto read = read_all(file_of(order));
  REQUIRE(read.error);
  require_explained(*read.error);
  require_prefix(
      encoded(sample_records()),
      ReadAll{{read.records.begin(),
               read.records.begin() +
                   static_cast<long>(std::min(read.records.size(), sample_records().size()))},
              {},
              {}});
}

TEST_CASE("a byte after the end is reported") {
  Bytes file = small_file();
  file.push_back(0);
  const auto read = read_all(file);
  REQUIRE(read.error);
  REQUIRE(read.error->message.find("follow the end") != std::string::npos);
}

TEST_CASE("a reader that met damage repeats the error") {
  Bytes file = small_file();
  file.pop_back();
  auto reader =
      must(RecordingReader::open(std::make_unique<MemorySource>(std::move(file)), "a recording"));
  std::string message;
  while (message.empty()) {
    auto record = reader.next();
    if (!record) message = record.error().message;
  }
  REQUIRE(reader.next().error().message == message);
  REQUIRE(message.find("Blocks up to 10982000 are whole") != std::string::npos);
}

TEST_CASE("other files are told apart from recordings") {
  const std::string text = "[{\"index\": 0, \"address\": \"0x00\"}]";
  const auto read = read_all(Bytes(text.begin(), text.end()));
  REQUIRE(read.error);
  REQUIRE(read.error->message.find("not a Gantry recording") != std::string::npos);
  REQUIRE(read_all({}).error->message.find("only 0 bytes") != std::string::npos);
}
