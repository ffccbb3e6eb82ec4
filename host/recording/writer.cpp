#include "host/recording/writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "host/recording/codec.hpp"
#include "host/recording/compression.hpp"
#include "host/recording/format.hpp"

namespace gantry::host {

using namespace recording;

class RecordingWriter::State {
  // A record of steps is closed when it would have more.
  static constexpr std::size_t steps_bytes = 8U << 10U;

 public:
  State(std::unique_ptr<ByteSink> sink, Options options)
      : sink_(std::move(sink)),
        compressor_(options.compression_level),
        frame_bytes_(std::min(options.frame_bytes, frame_raw_bytes_max)) {}

  Status start() { return write(write_file_head(format_version)); }

  Status append(const Record& record) {
    if (failed_) return std::unexpected(*failed_);
    if (auto ok = sequence_.check(record); !ok) return ok;
    const auto* changes = std::get_if<Changes>(&record);
    if (held_ && changes != nullptr) return append_step(*changes);
    const auto* block = std::get_if<Block>(&record);
    const bool waits = block != nullptr && sequence_.compiled();
    if (!waits || held_) {
      if (auto ok = write_waiting(); !ok) return ok;
    }
    if (waits) {
      // What stands behind it decides how it is written.
      sequence_.add(record, {});
      held_ = *block;
      return {};
    }
    record_.clear();
    encode(record, sequence_, record_);
    if (auto ok = make_room(record_); !ok) return ok;
    sequence_.add(record, record_);
    return put(record_);
  }

  Status flush() {
    if (failed_) return std::unexpected(*failed_);
    if (auto ok = write_waiting(); !ok) return ok;
    return close_frame();
  }

  Result<End> finish() {
    // Its bytes are in the digest.
    if (auto ok = write_waiting(); !ok) return std::unexpected(ok.error());
    const End end = sequence_.end();
    if (auto ok = append(end); !ok) return std::unexpected(ok.error());
    if (auto ok = flush(); !ok) return std::unexpected(ok.error());
    if (auto ok = sink_->commit(); !ok) return std::unexpected(remember(ok.error()).error());
    return end;
  }

 private:
  // The block that waits, with its changes.
  Status append_step(const Changes& changes) {
    record_.clear();
    encode_step(*held_, changes, sequence_.block_before(), record_);
    constexpr std::size_t size_bytes_max = 10;
    const std::size_t more = record_.size() + size_bytes_max;
    if (more > record_bytes_max) return too_large(more);
    if (!steps_.empty() && steps_.size() + more > steps_bytes) {
      if (auto ok = write_steps(); !ok) return ok;
    }
    if (steps_.empty()) {
      RecordHead head;
      head.type = static_cast<std::uint8_t>(RecordType::steps);
      write_record_head(head, steps_);
    }
    write_number(record_.size(), steps_);
    steps_.insert(steps_.end(), record_.begin(), record_.end());
    held_.reset();
    sequence_.add(changes, {});
    return {};
  }

  Status write_steps() {
    if (steps_.empty()) return {};
    store_word(static_cast<std::uint32_t>(steps_.size() - record_head_bytes), &steps_[4]);
    if (auto ok = make_room(steps_); !ok) return ok;
    sequence_.digest(steps_);
    auto done = put(steps_);
    steps_.clear();
    return done;
  }

  // Steps, and the block that waits for its changes, without any.
  Status write_waiting() {
    if (auto ok = write_steps(); !ok) return ok;
    if (!held_) return {};
    record_.clear();
    encode(*held_, sequence_, record_);
    held_.reset();
    if (auto ok = make_room(record_); !ok) return ok;
    sequence_.digest(record_);
    return put(record_);
  }

  static std::unexpected<Error> too_large(std::size_t bytes) {
    return fail(ErrorKind::limit,
                fmt::format("a record has {} bytes, the bound is {}", bytes, record_bytes_max));
  }

  // In this frame or the next.
  Status make_room(const Bytes& record) {
    if (record.size() - record_head_bytes > record_bytes_max) {
      return too_large(record.size() - record_head_bytes);
    }
    return raw_.size() + record.size() > frame_raw_bytes_max ? close_frame() : Status{};
  }

  Status put(const Bytes& record) {
    raw_.insert(raw_.end(), record.begin(), record.end());
    ++records_;
    return raw_.size() >= frame_bytes_ ? close_frame() : Status{};
  }

  Status close_frame() {
    if (records_ == 0) return {};
    auto smaller = compressor_.compress(raw_, stored_);
    if (!smaller) return remember(smaller.error());
    const Bytes& payload = *smaller ? stored_ : raw_;
    FrameHead head;
    head.flags = *smaller ? frame_compressed : std::uint8_t{0};
    head.stored_bytes = static_cast<std::uint32_t>(payload.size());
    head.raw_bytes = static_cast<std::uint32_t>(raw_.size());
    head.records = records_;
    head.first_record = first_record_;
    head.payload_crc = crc32c(payload);
    if (auto ok = write(write_frame_head(head)); !ok) return ok;
    if (auto ok = write(payload); !ok) return ok;
    first_record_ += records_;
    records_ = 0;
    raw_.clear();
    return {};
  }

  Status write(ByteView bytes) {
    auto ok = sink_->write(bytes);
    return ok ? ok : remember(ok.error());
  }

  Status remember(Error error) {
    failed_ = std::move(error);
    return std::unexpected(*failed_);
  }

  std::unique_ptr<ByteSink> sink_;
  Compressor compressor_;
  std::size_t frame_bytes_;
  Sequence sequence_;
  std::optional<Block> held_;  // of a compiled recording, and the newest record
  Bytes steps_;                // the record of those that are not written yet
  Bytes record_;               // one, encoded; these keep their capacity
  Bytes raw_;                  // the frame so far
  Bytes stored_;               // the frame, compressed
  std::uint32_t records_ = 0;
  std::uint64_t first_record_ = 0;
  std::optional<Error> failed_;
};

RecordingWriter::RecordingWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
RecordingWriter::RecordingWriter(RecordingWriter&&) noexcept = default;
RecordingWriter& RecordingWriter::operator=(RecordingWriter&&) noexcept = default;

RecordingWriter::~RecordingWriter() {
  // A destructor has nobody to tell: what could not be written is missing from a file whose name
  // says that it is partial.
  if (state_) static_cast<void>(state_->flush());
}

Result<RecordingWriter> RecordingWriter::create(const std::filesystem::path& path,
                                                Options options) {
  auto sink = create_file(path);
  if (!sink) return std::unexpected(sink.error());
  return create(std::move(*sink), options);
}

Result<RecordingWriter> RecordingWriter::create(std::unique_ptr<ByteSink> sink, Options options) {
  auto state = std::make_unique<State>(std::move(sink), options);
  if (auto ok = state->start(); !ok) return std::unexpected(ok.error());
  return RecordingWriter(std::move(state));
}

Status RecordingWriter::append(const Record& record) {
  if (std::holds_alternative<End>(record)) {
    return fail(ErrorKind::internal, "the end is written by finish()");
  }
  return state_->append(record);
}

Status RecordingWriter::flush() { return state_->flush(); }

Result<End> RecordingWriter::finish() { return state_->finish(); }

}  // namespace gantry::host
