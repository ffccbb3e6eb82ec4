// A disk that is full, or fails: what was told to be recorded is, what was not is not, and the
// words say which. Here the C library's calls are stood in for, so that SQLite meets the failure
// where it would on such a disk.
#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "fixture.hpp"

namespace {

std::atomic<int> write_error{0};  // errno that writes to a ledger's WAL fail with; 0: none
std::atomic<int> sync_error{0};

}  // namespace

// Visible, so that the library finds them before the C library's.
extern "C" __attribute__((visibility("default"))) ssize_t pwrite64(int file, const void* bytes,
                                                                   size_t size, off_t at) {
  static const auto real =
      reinterpret_cast<ssize_t (*)(int, const void*, size_t, off_t)>(dlsym(RTLD_NEXT, "pwrite64"));
  if (write_error != 0) {
    errno = write_error;
    return -1;
  }
  return real(file, bytes, size, at);
}

extern "C" __attribute__((visibility("default"))) int fdatasync(int file) {
  static const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "fdatasync"));
  if (sync_error != 0) {
    errno = sync_error;
    return -1;
  }
  return real(file);
}

using namespace gantry::host;
using namespace gantry::host::ledger;
using namespace gantry::host::ledger::test;

TEST_CASE("on a full disk nothing is recorded and it is said so; with room again it goes on") {
  Desk desk;
  desk.record("a");
  const std::int64_t rows = desk.ledger->last_row();
  write_error = ENOSPC;
  const Error error = error_of(
      desk.ledger->record(intent("b"), value_of(desk.ledger->reserve(lane())), attempt(50)));
  write_error = 0;
  CHECK(error.kind == ErrorKind::io);
  has(error.message, "the disk is full: nothing of this was recorded");
  CHECK(desk.ledger->last_row() == rows);
  CHECK(error_of(desk.ledger->intent(2)).kind == ErrorKind::not_found);
  // The same again, with the nonce that came back.
  value_of(desk.ledger->record(intent("b"), value_of(desk.ledger->reserve(lane())), attempt(50)));
  CHECK(value_of(desk.ledger->intent(2)).nonce == 1);
  desk.check_whole();
}

TEST_CASE("after a failure of the disk nothing more is recorded until a restart") {
  for (std::atomic<int>* failure : {&write_error, &sync_error}) {
    Desk desk;
    desk.record("a");
    *failure = EIO;
    const Error error = error_of(
        desk.ledger->record(intent("b"), value_of(desk.ledger->reserve(lane())), attempt(50)));
    *failure = 0;
    CHECK(error.kind == ErrorKind::io);
    has(error.message, "the disk failed");
    has(error.message, "until the host is started again");
    has(error_of(desk.ledger->submitted({1, 1}, "relay")).message, "until the host");
    // Reading goes on.
    CHECK(desk.state(1) == State::intended);
    desk.open();
    value_of(desk.ledger->submitted({1, 1}, "relay"));
    CHECK(desk.state(1) == State::submitted);
    desk.check_whole();
  }
}
