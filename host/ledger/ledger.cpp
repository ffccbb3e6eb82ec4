#include "host/ledger/ledger.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>

#include "host/base/descriptor.hpp"
#include "host/base/text.hpp"
#include "host/base/user_folders.hpp"
#include "host/base/version.hpp"
#include "host/ledger/nonce_book.hpp"
#include "host/ledger/schema.hpp"
#include "host/ledger/writer.hpp"

namespace gantry::host::ledger {
namespace {

namespace fs = std::filesystem;

std::int64_t machine_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// One host at a time: two would give out the same nonces.
Result<Descriptor> lock_ledger(const fs::path& path) {
  const fs::path name = path.string() + ".lock";
  Descriptor file(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) {
    return fail(ErrorKind::io,
                fmt::format("{}: cannot be made: {}. Name a file in [ledger] in a folder that this "
                            "user may write to",
                            name.string(), std::strerror(errno)));
  }
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorKind::io,
                fmt::format("{}: another host has this ledger open. Stop it, or give this one "
                            "another `path` in [ledger]",
                            path.string()));
  }
  return file;
}

Status check_structure(Connection& connection) {
  const auto checked = connection.query("PRAGMA quick_check(1)");
  if (!checked) return std::unexpected(checked.error());
  const auto row = (*checked)->step();
  if (!row) return std::unexpected(row.error());
  const std::string said = *row ? (*checked)->text(0) : "ok";
  (*checked)->reset();
  if (said == "ok") return {};
  return fail(ErrorKind::format,
              fmt::format("{}: is damaged ({}). Restore it from a copy, with its -wal and .head "
                          "files; `gantry audit verify` then says whether it is whole",
                          connection.path().string(), said.substr(0, 200)));
}

// The lanes as they were, with what lies between floor and next and is nobody's.
Status read_nonces(Connection& connection, NonceBook& book) {
  const auto lanes =
      connection.query("SELECT id, chain, sender, entry_point, key, floor, next FROM lane");
  if (!lanes) return std::unexpected(lanes.error());
  while (true) {
    const auto row = (*lanes)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const Lane lane{(*lanes)->text(1), (*lanes)->text(2), (*lanes)->text(3),
                    (*lanes)->bytes<24>(4)};
    NonceBook::Page page{static_cast<std::uint64_t>((*lanes)->number(5)),
                         static_cast<std::uint64_t>((*lanes)->number(6)),
                         {}};
    const auto held = connection.query(
        "SELECT nonce FROM intent WHERE lane = ? AND nonce >= ? AND holds_nonce = 1 ORDER BY nonce",
        (*lanes)->number(0), page.floor);
    if (!held) return std::unexpected(held.error());
    std::uint64_t at = page.floor;
    const auto free_up_to = [&](std::uint64_t end) {
      // What a gap may have is bounded by the reservations that were open at once.
      for (; at < end; ++at) page.free.insert(at);
      at = end + 1;
    };
    while (true) {
      const auto nonce = (*held)->step();
      if (!nonce) return std::unexpected(nonce.error());
      if (!*nonce) break;
      free_up_to(static_cast<std::uint64_t>((*held)->number(0)));
    }
    (*held)->reset();
    free_up_to(page.next);
    book.put(lane, std::move(page));
  }
  (*lanes)->reset();
  return {};
}

// Readers of this process: each is one thread's while it is used.
class Readers {
 public:
  explicit Readers(fs::path path) : path_(std::move(path)) {}

  template <class Ask>
  auto with(Ask&& ask) -> decltype(ask(std::declval<Reader&>())) {
    auto reader = take();
    if (!reader) return std::unexpected(std::move(reader.error()));
    auto answer = ask(**reader);
    const std::lock_guard lock(mutex_);
    if (idle_.size() < idle_max) idle_.push_back(std::move(*reader));
    return answer;
  }

 private:
  static constexpr std::size_t idle_max = 8;
  Result<std::unique_ptr<Reader>> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto reader = std::move(idle_.back());
        idle_.pop_back();
        return reader;
      }
    }
    return Reader::open(path_);
  }

  fs::path path_;
  std::mutex mutex_;  // guards idle_
  std::vector<std::unique_ptr<Reader>> idle_;
};

class OpenLedger final : public Ledger {
 public:
  OpenLedger(Descriptor lock, const fs::path& path, std::shared_ptr<NonceBook> book,
             std::unique_ptr<Connection> connection, Trail trail, WriterOptions options)
      : lock_(std::move(lock)),
        readers_(path),
        book_(std::move(book)),
        writer_(std::move(connection), std::move(trail), std::move(options)) {}

  Pending<void> observe_nonce(const Lane& lane, std::uint64_t next) override {
    return write<void>([lane, next](Store& store) { return store.observe(lane, next); },
                       [book = book_, lane, next](const Result<void>& done) {
                         if (done) book->observe(lane, next);
                       });
  }
  Result<Reservation> reserve(const Lane& lane) override { return NonceBook::reserve(book_, lane); }

  Pending<AttemptId> record(Intent intent, Reservation nonce, Attempt attempt) override {
    // Shared, since a function object has to be copyable.
    const auto reservation = std::make_shared<Reservation>(std::move(nonce));
    return write<AttemptId>(
        [intent = std::move(intent), reservation,
         attempt = std::move(attempt)](Store& store) -> Result<AttemptId> {
          const auto id = store.add_intent(intent, reservation->lane(), reservation->nonce());
          if (!id) return std::unexpected(id.error());
          return store.add_attempt(*id, attempt);
        },
        [book = book_, reservation](const Result<AttemptId>& done) {
          book->settle(*reservation, done.has_value());
        });
  }
  Pending<AttemptId> record(IntentId intent, Attempt attempt) override {
    return write<AttemptId>([intent, attempt = std::move(attempt)](Store& store) {
      return store.add_attempt(intent, attempt);
    });
  }
  Pending<void> submitted(const AttemptId& id, std::string by) override {
    return write<void>([id, by = std::move(by)](Store& store) { return store.submit(id, by); });
  }
  Pending<void> result(const AttemptId& id, const Receipt& receipt,
                       std::optional<Realised> realised) override {
    return write<void>([id, receipt, realised = std::move(realised)](Store& store) {
      return store.set_result(id, receipt, realised);
    });
  }
  Pending<void> realised(IntentId intent, Realised realised) override {
    return write<void>([intent, realised = std::move(realised)](Store& store) {
      return store.set_realised(intent, realised);
    });
  }
  Pending<void> reorganized(IntentId intent, std::string reason) override {
    return write<void>([intent, reason = std::move(reason)](Store& store) {
      return store.undo_result(intent, reason);
    });
  }
  Pending<void> settled(IntentId intent) override {
    return write<void>([intent](Store& store) { return store.set_final(intent); });
  }
  Pending<void> withdraw(IntentId intent, std::string reason) override {
    return close(intent, State::dropped, std::move(reason), {true, false});
  }
  Pending<void> given_up(IntentId intent, std::string reason) override {
    return close(intent, State::dropped, std::move(reason), {true, true});
  }
  Pending<void> dropped(IntentId intent, std::string reason) override {
    return close(intent, State::dropped, std::move(reason), {false, false});
  }
  Pending<void> expired(IntentId intent, std::string reason) override {
    return close(intent, State::expired, std::move(reason), {true, true});
  }
  Pending<void> unwatch(IntentId intent) override {
    return write<void>([intent](Store& store) { return store.unwatch(intent); });
  }
  Pending<void> left_open(IntentId intent, std::string reason) override {
    return write<void>([intent, reason = std::move(reason)](Store& store) {
      return store.leave_open(intent, reason);
    });
  }
  Pending<void> operator_command(std::string what) override {
    return note(AuditKind::operator_command, std::move(what));
  }
  Pending<void> breaker(std::string what) override {
    return note(AuditKind::breaker, std::move(what));
  }
  Pending<void> configuration(std::string what) override {
    return note(AuditKind::configuration, std::move(what));
  }

  Result<StoredIntent> intent(IntentId id) const override {
    return readers_.with([&](Reader& reader) { return reader.intent(id); });
  }
  Result<std::vector<StoredAttempt>> attempts(IntentId id) const override {
    return readers_.with([&](Reader& reader) { return reader.attempts(id); });
  }
  Result<std::optional<StoredResult>> result_of(IntentId id) const override {
    return readers_.with([&](Reader& reader) { return reader.result_of(id); });
  }
  Result<std::vector<StoredIntent>> open_intents() const override {
    return readers_.with([](Reader& reader) { return reader.open_intents(); });
  }
  Result<std::vector<StoredIntent>> watched_intents() const override {
    return readers_.with([](Reader& reader) { return reader.watched_intents(); });
  }
  Result<std::vector<StoredIntent>> intents_of(const Lane& lane,
                                               std::uint64_t nonce) const override {
    return readers_.with([&](Reader& reader) { return reader.intents_of(lane, nonce); });
  }
  Result<std::vector<StoredResult>> results_not_final() const override {
    return readers_.with([](Reader& reader) { return reader.results_not_final(); });
  }
  Result<std::vector<Trade>> exchanges(const std::string& chain) const override {
    return readers_.with([&](Reader& reader) { return reader.exchanges(chain); });
  }
  Result<std::vector<Trade>> last_trades(std::size_t count) const override {
    return readers_.with([&](Reader& reader) { return reader.last_trades(count); });
  }
  Result<std::vector<ProfitRow>> profit(const ProfitQuery& query) const override {
    return readers_.with([&](Reader& reader) { return reader.profit(query); });
  }
  Result<std::vector<Lane>> lanes() const override {
    return readers_.with([](Reader& reader) { return reader.lanes(); });
  }
  Result<std::vector<ResultNews>> result_news(std::int64_t after_row) const override {
    return readers_.with([&](Reader& reader) { return reader.result_news(after_row); });
  }
  std::int64_t last_row() const override { return writer_.last_row(); }
  Written written() const override { return {writer_.commits(), writer_.jobs()}; }

  // The first row of this opening; fails as a record does.
  Status note_opening(std::string_view head, const PublicKey& key) {
    const std::string facts =
        fmt::format("gantry {}, schema {}, key {}, head file {}", version_text, schema_version,
                    hex_text(key.bytes()), head);
    return write<void>([facts](Store& store) { return store.note(AuditKind::opened, facts); })
        .get();
  }

 private:
  // `run` gives a Result<T> in the writer's transaction; `after` sees it when it is committed, or
  // has failed.
  template <class T, class Run>
  Pending<T> write(Run run, std::function<void(const Result<T>&)> after = {}) {
    struct Waiting {
      std::promise<Result<T>> promise;
      std::optional<Result<T>> got;
    };
    const auto waiting = std::make_shared<Waiting>();
    auto future = waiting->promise.get_future();
    writer_.add({[waiting, run = std::move(run)](Store& store) -> Status {
                   waiting->got.emplace(run(store));
                   if (!*waiting->got) return std::unexpected(waiting->got->error());
                   return {};
                 },
                 [waiting, after = std::move(after)](Status done) {
                   Result<T> answer = done ? std::move(*waiting->got)
                                           : Result<T>(std::unexpected(std::move(done.error())));
                   if (after) after(answer);
                   waiting->promise.set_value(std::move(answer));
                 }});
    return future;
  }
  Pending<void> note(AuditKind kind, std::string what) {
    return write<void>(
        [kind, what = std::move(what)](Store& store) { return store.note(kind, what); });
  }
  Pending<void> close(IntentId intent, State to, std::string reason, Closing closing) {
    struct Freed {
      Lane lane;
      std::uint64_t nonce = 0;
    };
    const auto freed = std::make_shared<std::optional<Freed>>();
    return write<void>(
        [=, reason = std::move(reason)](Store& store) -> Status {
          const auto stored = read_intent(store.connection(), intent);
          if (!stored) return std::unexpected(stored.error());
          if (closing.gives_nonce_back) *freed = Freed{stored->lane, stored->nonce};
          return store.close(intent, to, reason, closing);
        },
        [freed, book = book_](const Result<void>& done) {
          if (done && *freed) book->give_back((*freed)->lane, (*freed)->nonce);
        });
  }

  Descriptor lock_;
  mutable Readers readers_;
  std::shared_ptr<NonceBook> book_;
  Writer writer_;
};

}  // namespace

Reservation::~Reservation() {
  if (book_) book_->give_back(lane_, nonce_);
}

Result<std::unique_ptr<Ledger>> Ledger::open(const fs::path& path, LedgerOptions options) {
  if (path.has_parent_path()) {
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) {
      return fail(
          ErrorKind::io,
          fmt::format("{}: the ledger cannot be kept there: {}. Name a file in [ledger] in a "
                      "folder that this user may write to",
                      path.string(), error.message()));
    }
  }
  auto lock = lock_ledger(path);
  if (!lock) return std::unexpected(std::move(lock.error()));
  auto connection = Connection::open(path, OpenAs::writer);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto done = prepare_schema(**connection); !done) return std::unexpected(done.error());
  if (auto whole = check_structure(**connection); !whole) return std::unexpected(whole.error());
  const auto rows = (*connection)->number("SELECT 1 FROM audit LIMIT 1");
  if (!rows) return std::unexpected(rows.error());
  auto key = SigningKey::open(options.key.empty() ? default_key_file(path) : options.key,
                              *rows ? KeyFile::is_there : KeyFile::may_be_made);
  if (!key) return std::unexpected(std::move(key.error()));
  auto trail = Trail::open(**connection, std::move(*key));
  if (!trail) return std::unexpected(std::move(trail.error()));
  auto book = std::make_shared<NonceBook>();
  if (auto done = read_nonces(**connection, *book); !done) return std::unexpected(done.error());
  const std::string head(trail->head_found());
  const PublicKey public_key = trail->public_key();
  WriterOptions of_writer{options.queue_max, options.batch_max, options.batch_wait,
                          options.now_ms ? std::move(options.now_ms) : machine_ms};
  // The trail refers to the connection, whose object stays where it is.
  auto ledger =
      std::make_unique<OpenLedger>(std::move(*lock), path, std::move(book), std::move(*connection),
                                   std::move(*trail), std::move(of_writer));
  if (auto noted = ledger->note_opening(head, public_key); !noted) {
    return std::unexpected(std::move(noted.error()));
  }
  return ledger;
}

std::optional<fs::path> default_ledger(const Environment& environment) {
  const auto state = user_state_folder(environment);
  return state ? std::optional(*state / "ledger.sqlite") : std::nullopt;
}

fs::path default_key_file(const fs::path& ledger) { return ledger.string() + ".key"; }

}  // namespace gantry::host::ledger
