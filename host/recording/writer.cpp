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
 public:
  State(std::unique_ptr<ByteSink> sink, Options options)
      : sink_(std::move(sink)),
        compressor_(options.compression_level),
        frame_bytes_(std::min(options.frame_bytes, frame_raw_bytes_max)) {}

  Status start() { return write(write_file_head(format_version)); }

  Status append(const Record& record) {
    if (failed_) return std::unexpected(*failed_);
    if (auto ok = sequence_.check(record); !ok) return ok;
    record_.clear();
    encode(record, sequence_, record_);
    if (record_.size() - record_head_bytes > record_bytes_max) {
      return fail(ErrorKind::limit, fmt::format("a record has {} bytes, the bound is {}",
                                                record_.size(), record_bytes_max));
    }
    if (raw_.size() + record_.size() > frame_raw_bytes_max) {
      if (auto ok = flush(); !ok) return ok;
    }
    sequence_.add(record, record_);
    raw_.insert(raw_.end(), record_.begin(), record_.end());
    ++records_;
    return raw_.size() >= frame_bytes_ ? flush() : Status{};
  }

  Status flush() {
    if (failed_) return std::unexpected(*failed_);
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

  Result<End> finish() {
    const End end = sequence_.end();
    if (auto ok = append(end); !ok) return std::unexpected(ok.error());
    if (auto ok = flush(); !ok) return std::unexpected(ok.error());
    if (auto ok = sink_->commit(); !ok) return std::unexpected(remember(ok.error()).error());
    return end;
  }

 private:
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
  Bytes record_;  // one, encoded; these three keep their capacity
  Bytes raw_;     // the frame so far
  Bytes stored_;  // the frame, compressed
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
