// A recording as the reader meets it, and the changes of a compiled one as a market does. The first
// byte chooses whether the rest is the file itself, or the records inside a frame whose checksums
// are right: else no mutation would get past those.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>

#include "host/market/state_changes.hpp"
#include "host/recording/format.hpp"
#include "host/recording/reader.hpp"

namespace {

using namespace gantry::host;
using namespace gantry::host::recording;

Bytes in_a_valid_frame(ByteView records, std::uint8_t count) {
  FrameHead head;
  head.stored_bytes = static_cast<std::uint32_t>(records.size());
  head.raw_bytes = head.stored_bytes;
  head.records = count;
  head.payload_crc = crc32c(records);
  const auto file_head = write_file_head(format_version);
  const auto frame_head = write_frame_head(head);
  Bytes bytes(file_head.begin(), file_head.end());
  bytes.insert(bytes.end(), frame_head.begin(), frame_head.end());
  bytes.insert(bytes.end(), records.begin(), records.end());
  return bytes;
}

// One version for all: what was retired is kept.
void take_over(const Changes& changes, StateStore& store) {
  ChangeReader reader(changes.bytes);
  while (!reader.done()) {
    PoolChange change;
    if (!reader.next(change)) return;
    store.open(change.pool % 8);
    if ((change.marks & change_marks::anew) != 0) store.restore(StateTree());
    if ((change.marks & change_marks::written) != 0 && !reader.apply(store)) {
      store.abandon();
      return;
    }
    if ((change.marks & (change_marks::written | change_marks::shown)) != 0) store.commit();
    if ((change.marks & change_marks::withheld) != 0) store.withhold();
    sum_state(0, change.pool, store.current());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ByteView rest(data + 2, size - 2);
  Bytes bytes =
      data[0] % 4 == 0 ? Bytes(rest.begin(), rest.end()) : in_a_valid_frame(rest, data[1]);
  auto reader = RecordingReader::open(std::make_unique<MemorySource>(std::move(bytes)), "fuzz");
  if (!reader) return 0;
  StateStore store;
  store.begin(1, 1);
  // A record takes bytes, so there can be no more of them than bytes.
  for (std::size_t count = 0; count <= size; ++count) {
    const auto record = reader->next();
    if (!record || !*record) return 0;
    if (const auto* changes = std::get_if<Changes>(&**record)) take_over(*changes, store);
  }
  __builtin_trap();
}
