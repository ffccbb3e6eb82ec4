#include "host/feed/recording_feed.hpp"

#include <utility>

namespace gantry::host {

Result<RecordingFeed> RecordingFeed::open(const std::filesystem::path& path) {
  auto reader = RecordingReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  RecordingFeed feed(std::move(*reader));
  static_cast<void>(feed.reader_.next());  // the header, which is there
  feed.peeked_ = feed.reader_.next();
  if (*feed.peeked_ && **feed.peeked_) {
    if (auto* compiled = std::get_if<recording::Compiled>(&***feed.peeked_)) {
      feed.compiled_ = std::make_shared<const recording::Compiled>(std::move(*compiled));
      feed.ahead_.compiled = feed.compiled_;
      feed.peeked_.reset();
    }
  }
  return feed;
}

Result<std::optional<recording::Record>> RecordingFeed::next_record() {
  if (!peeked_) return reader_.next();
  auto record = std::move(*peeked_);
  peeked_.reset();
  return record;
}

std::optional<BlockInput> RecordingFeed::next() {
  while (!ended_) {
    auto record = next_record();
    if (!record) {
      // The block being read may lack facts: a snapshot of it would be of no block.
      damage_ = record.error().message;
      ended_ = true;
      open_.reset();
      return std::nullopt;
    }
    if (!*record || std::holds_alternative<recording::End>(**record)) {
      ended_ = true;
      return std::exchange(open_, std::nullopt);
    }
    if (auto* token = std::get_if<recording::Token>(&**record)) {
      ahead_.tokens.push_back(std::move(*token));
    } else if (auto* pool = std::get_if<recording::Pool>(&**record)) {
      ahead_.pools.push_back(std::move(*pool));
    } else if (const auto* event = std::get_if<recording::Event>(&**record)) {
      auto decoded = decode(*event);
      if (!decoded) {
        // What it would have done is not known.
        damage_ = decoded.error().message;
        ended_ = true;
        return std::exchange(open_, std::nullopt);
      }
      ahead_.events.push_back(std::move(*decoded));
    } else if (auto* fact = std::get_if<recording::Fact>(&**record)) {
      if (open_) open_->facts.push_back(std::move(*fact));
    } else if (auto* changes = std::get_if<recording::Changes>(&**record)) {
      if (open_) open_->changes.push_back(std::move(*changes));
    } else if (const auto* block = std::get_if<recording::Block>(&**record)) {
      auto done = std::exchange(open_, std::exchange(ahead_, BlockInput()));
      open_->block = *block;
      if (done) return done;
    }
  }
  return std::nullopt;
}

}  // namespace gantry::host
