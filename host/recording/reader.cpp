#include "host/recording/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/recording/codec.hpp"
#include "host/recording/compression.hpp"
#include "host/recording/format.hpp"

namespace gantry::host {

using namespace recording;

namespace {

// Memory for a payload is taken in steps, as its bytes arrive: a short file that claims a large
// frame costs no more than its own size and one step.
constexpr std::size_t read_step_bytes = 1U << 20U;

bool known(std::uint8_t type) {
  return type >= static_cast<std::uint8_t>(RecordType::header) &&
         type <= static_cast<std::uint8_t>(RecordType::steps);
}

}  // namespace

class RecordingReader::State {
 public:
  State(std::unique_ptr<ByteSource> source, std::string name)
      : source_(std::move(source)), name_(std::move(name)) {}

  Status start() {
    std::array<std::uint8_t, file_head_bytes> head{};
    auto got = source_->read(head);
    if (!got) return std::unexpected(got.error());
    if (*got < head.size()) return damaged(fmt::format("it has only {} bytes", *got));
    if (auto version = read_file_head(head); !version) return damaged(version.error().message);
    position_.byte_offset = next_offset_ = head.size();
    auto first = read_record();
    if (!first) return std::unexpected(first.error());
    header_ = std::get<Header>(**first);  // Sequence lets nothing else come first
    header_is_next_ = true;
    return {};
  }

  Result<std::optional<Record>> next() {
    if (header_is_next_) {
      header_is_next_ = false;
      return Record(header_);
    }
    if (failed_) return std::unexpected(*failed_);
    auto record = read_record();
    if (!record) failed_ = record.error();
    return record;
  }

  const Header& header() const { return header_; }
  const Position& position() const { return position_; }
  std::uint64_t skipped_records() const { return skipped_records_; }

 private:
  Result<std::optional<Record>> read_record() {
    if (behind_) return read_behind();
    while (true) {
      if (sequence_.ended()) return std::optional<Record>();
      if (!steps_.empty()) return read_step();
      if (records_left_ == 0) {
        if (auto ok = read_frame(); !ok) return std::unexpected(ok.error());
      }
      auto record = read_one();
      if (!record) return std::unexpected(record.error());
      if (*record) return record;
    }
  }

  // The next record of the frame; nothing when it may be and was skipped.
  Result<std::optional<Record>> read_one() {
    const ByteView left = ByteView(raw_).subspan(raw_position_);
    const auto head = read_record_head(left);
    if (!head) return damaged(head.error().message);
    const ByteView encoded = left.first(record_head_bytes + head->length);
    std::optional<Record> result;
    if (head->type == static_cast<std::uint8_t>(RecordType::steps)) {
      steps_ = encoded.subspan(record_head_bytes);
      if (steps_.empty()) return damaged("a record of type 11 is too short: it has no step");
      sequence_.digest(encoded);
    } else if (known(head->type)) {
      auto record = decode(static_cast<RecordType>(head->type), encoded.subspan(record_head_bytes),
                           sequence_);
      if (!record) return damaged(record.error().message);
      if (auto ok = sequence_.check(*record); !ok) {
        const auto* compiled = std::get_if<Compiled>(&*record);
        const bool is_whole = compiled != nullptr && compiled->version != compiled_version;
        return is_whole ? fail(ErrorKind::format, fmt::format("{}: {}", name_, ok.error().message))
                        : damaged(ok.error().message);
      }
      note_block(*record);
      sequence_.add(*record, encoded);
      result = std::move(*record);
    } else if ((head->flags & record_optional) != 0 && position_.record > 0) {
      sequence_.add_unknown(encoded);
      ++skipped_records_;
    } else {
      return damaged(
          fmt::format("a record's type {} is unknown: a newer version of gantry may "
                      "have written it",
                      head->type));
    }
    raw_position_ += encoded.size();
    ++position_.record;
    --records_left_;
    if (auto ok = check_frame_end(); !ok) return std::unexpected(ok.error());
    return result;
  }

  // The next block of a record of several, whose bytes are in the digest.
  Result<std::optional<Record>> read_step() {
    const std::uint8_t* at = steps_.data();
    const std::uint8_t* const end = at + steps_.size();
    std::uint64_t size = 0;
    if (!read_number(at, end, size) || size > static_cast<std::uint64_t>(end - at)) {
      return damaged("a record of type 11 is too short for what it announces");
    }
    auto step = decode_step(ByteView(at, size), sequence_.last_block());
    if (!step) return damaged(step.error().message);
    steps_ = ByteView(at + size, end);
    std::optional<Record> result(std::move(step->block));
    if (auto ok = sequence_.check(*result); !ok) return damaged(ok.error().message);
    note_block(*result);
    sequence_.add(*result, {});
    behind_ = std::move(step->changes);
    return result;
  }

  // What a step had besides its block.
  Result<std::optional<Record>> read_behind() {
    std::optional<Record> result(std::move(*behind_));
    behind_.reset();
    if (auto ok = sequence_.check(*result); !ok) return damaged(ok.error().message);
    sequence_.add(*result, {});
    return result;
  }

  Status check_frame_end() {
    if (records_left_ == 0 && raw_position_ != raw_.size()) {
      return damaged("the frame has bytes after its last record");
    }
    if (!sequence_.ended()) return {};
    if (records_left_ != 0) return damaged("records follow the end");
    std::uint8_t extra = 0;
    const auto got = source_->read(std::span(&extra, 1));
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return {};
    position_.byte_offset = next_offset_;
    return damaged("bytes follow the end: two files may have been joined");
  }

  void note_block(const Record& record) {
    if (std::holds_alternative<Block>(record) || std::holds_alternative<End>(record)) {
      position_.last_whole_block = sequence_.open_block();
    }
  }

  Status read_frame() {
    if (any_frame_) ++position_.frame;
    any_frame_ = true;
    position_.byte_offset = next_offset_;
    std::array<std::uint8_t, frame_head_bytes> bytes{};
    auto got = source_->read(bytes);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return damaged("it is cut: there is no end record");
    if (*got < bytes.size()) return damaged("it is cut within a frame's head");
    const auto head = read_frame_head(bytes);
    if (!head) return damaged(head.error().message);
    if (head->first_record != position_.record) {
      return damaged(fmt::format("a frame is missing or doubled: this one starts at record {}",
                                 head->first_record));
    }
    const bool compressed = (head->flags & frame_compressed) != 0;
    Bytes& payload = compressed ? stored_ : raw_;
    if (auto ok = read_payload(head->stored_bytes, payload); !ok) return ok;
    if (crc32c(payload) != head->payload_crc) {
      return damaged("the frame does not match its checksum");
    }
    if (compressed) {
      auto ok = decompressor_.decompress(stored_, head->raw_bytes, raw_);
      if (!ok) return damaged(ok.error().message);
    }
    next_offset_ += frame_head_bytes + head->stored_bytes;
    raw_position_ = 0;
    records_left_ = head->records;
    return {};
  }

  Status read_payload(std::size_t size, Bytes& out) {
    out.clear();
    while (out.size() < size) {
      const std::size_t at = out.size();
      const std::size_t step = std::min(read_step_bytes, size - at);
      out.resize(at + step);
      const auto got = source_->read(std::span(out).subspan(at));
      if (!got) return std::unexpected(got.error());
      if (*got < step) {
        return damaged(
            fmt::format("it is cut within a frame: {} of {} bytes are there", at + *got, size));
      }
    }
    return {};
  }

  std::unexpected<Error> damaged(const std::string& what) const {
    std::string whole = "No block before it is whole";
    if (position_.last_whole_block) {
      whole = fmt::format("Blocks up to {} are whole and can still be read",
                          *position_.last_whole_block);
    }
    return fail(
        ErrorKind::format,
        fmt::format("{}: at byte {}, frame {}, record {}: {}. {}; get the file again from "
                    "where it came from.",
                    name_, position_.byte_offset, position_.frame, position_.record, what, whole));
  }

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  Decompressor decompressor_;
  Sequence sequence_;
  Header header_;
  Bytes stored_;
  Bytes raw_;
  std::size_t raw_position_ = 0;
  std::uint32_t records_left_ = 0;
  std::uint64_t next_offset_ = 0;
  std::uint64_t skipped_records_ = 0;
  Position position_;
  ByteView steps_;                 // of raw_, not read yet
  std::optional<Changes> behind_;  // of the step whose block was read
  std::optional<Error> failed_;
  bool any_frame_ = false;
  bool header_is_next_ = false;
};

RecordingReader::RecordingReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
RecordingReader::RecordingReader(RecordingReader&&) noexcept = default;
RecordingReader& RecordingReader::operator=(RecordingReader&&) noexcept = default;
RecordingReader::~RecordingReader() = default;

Result<RecordingReader> RecordingReader::open(const std::filesystem::path& path) {
  auto source = open_file(path);
  if (!source) return std::unexpected(source.error());
  return open(std::move(*source), path.string());
}

Result<RecordingReader> RecordingReader::open(std::unique_ptr<ByteSource> source,
                                              std::string name) {
  auto state = std::make_unique<State>(std::move(source), std::move(name));
  if (auto ok = state->start(); !ok) return std::unexpected(ok.error());
  return RecordingReader(std::move(state));
}

const Header& RecordingReader::header() const { return state_->header(); }
Result<std::optional<Record>> RecordingReader::next() { return state_->next(); }
const RecordingReader::Position& RecordingReader::position() const { return state_->position(); }
std::uint64_t RecordingReader::skipped_records() const { return state_->skipped_records(); }

}  // namespace gantry::host
