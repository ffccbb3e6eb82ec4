// Many requests at once: one thread, one curl multi handle.
#include <sys/socket.h>

#include <algorithm>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "host/ports/curl_transfer.hpp"

namespace gantry::host {
namespace {

// A wake-up comes with each new request; this is for what libcurl itself waits for.
constexpr int poll_ms_max = 1000;
constexpr std::size_t idle_handles_max = 64;
constexpr long idle_connections_max = 64;

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

class CurlHttpPool final : public HttpPool {
 public:
  CurlHttpPool(HttpPoolOptions options, CURLM* multi)
      : options_(std::move(options)), multi_(multi) {
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS,
                      static_cast<long>(options_.connections_per_host_max));
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, idle_connections_max);
    thread_ = std::thread([this] { run(); });
  }

  ~CurlHttpPool() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_.get());
    thread_.join();
    for (auto& [id, flight] : flights_) {
      curl_multi_remove_handle(multi_.get(), flight->handle.get());
    }
  }

  Id start(HttpRequest request, Done done, bool fresh) override {
    auto flight = std::make_unique<Flight>();
    flight->transfer.request = std::move(request);
    flight->done = std::move(done);
    flight->fresh = fresh;
    Id id = 0;
    {
      const std::lock_guard lock(mutex_);
      id = ++last_id_;
      flight->id = id;
      alive_.insert(id);
      flight->refused = alive_.size() > options_.requests_max;
      waiting_.push_back(std::move(flight));
    }
    curl_multi_wakeup(multi_.get());
    return id;
  }

  void cancel(Id id) override {
    {
      const std::lock_guard lock(mutex_);
      if (alive_.erase(id) == 0) return;
      cancelled_.push_back(id);
    }
    curl_multi_wakeup(multi_.get());
  }

 private:
  struct Flight {
    Id id = 0;
    curl::Handle handle;
    curl::Transfer transfer;
    Done done;
    bool fresh = false;
    bool refused = false;  // there were too many already
  };

  void run() {
    while (take_orders()) {
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg == CURLMSG_DONE) landed(message->easy_handle, message->data.result);
      }
      curl_multi_poll(multi_.get(), nullptr, 0, poll_ms_max, nullptr);
    }
  }

  // False: the pool is coming down.
  bool take_orders() {
    std::vector<std::unique_ptr<Flight>> waiting;
    std::vector<Id> cancelled;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      waiting.swap(waiting_);
      cancelled.swap(cancelled_);
    }
    for (auto& flight : waiting) depart(std::move(flight));
    for (const Id id : cancelled) {
      const auto found = flights_.find(id);
      if (found == flights_.end()) continue;
      curl_multi_remove_handle(multi_.get(), found->second->handle.get());
      keep_handle(*found->second);
      flights_.erase(found);
    }
    return true;
  }

  void depart(std::unique_ptr<Flight> flight) {
    const std::string origin = printable_origin(flight->transfer.request.url.written());
    const auto refuse = [&](const char* why) {
      finish(*flight,
             std::unexpected(HttpFailure{HttpFailureKind::usage, origin + ": " + why, false}));
    };
    if (flight->refused) return refuse("too many requests are on their way already");
    if (idle_.empty()) {
      flight->handle.reset(curl_easy_init());
    } else {
      flight->handle = std::move(idle_.back());
      idle_.pop_back();
    }
    CURL* handle = flight->handle.get();
    if (handle == nullptr) return refuse("libcurl could not be started");
    if (!curl::prepare(handle, flight->transfer)) {
      return refuse("only http and https can be asked");
    }
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle, CURLOPT_ACCEPT_ENCODING, "");  // all that libcurl can unpack
    if (flight->fresh) {
      curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
      curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
    }
    if (!options_.certificates.empty()) {
      curl_easy_setopt(handle, CURLOPT_CAINFO, options_.certificates.c_str());
    }
    curl_easy_setopt(handle, CURLOPT_PRIVATE, flight.get());
    if (curl_multi_add_handle(multi_.get(), handle) != CURLM_OK) {
      return refuse("libcurl took no more requests");
    }
    flights_.emplace(flight->id, std::move(flight));
  }

  void landed(CURL* handle, CURLcode code) {
    char* self = nullptr;
    curl_easy_getinfo(handle, CURLINFO_PRIVATE, &self);
    const auto found = flights_.find(reinterpret_cast<Flight*>(self)->id);
    const std::unique_ptr<Flight> flight = std::move(found->second);
    flights_.erase(found);
    HttpOutcome outcome = curl::outcome_of(handle, code, flight->transfer);
    if (code == CURLE_OPERATION_TIMEDOUT) abandon_connection(handle);
    curl_multi_remove_handle(multi_.get(), handle);
    keep_handle(*flight);
    finish(*flight, std::move(outcome));
  }

  // libcurl keeps a connection of HTTP/2 on which a request timed out. It may be dead, and the next
  // requests would time out on it too; ended so, they are sent over a new one.
  static void abandon_connection(CURL* handle) {
    curl_socket_t socket = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK &&
        socket != CURL_SOCKET_BAD) {
      ::shutdown(socket, SHUT_RDWR);
    }
  }

  void keep_handle(Flight& flight) {
    if (flight.handle != nullptr && idle_.size() < idle_handles_max) {
      idle_.push_back(std::move(flight.handle));
    }
  }

  void finish(Flight& flight, HttpOutcome outcome) {
    {
      const std::lock_guard lock(mutex_);
      if (alive_.erase(flight.id) == 0) return;  // cancelled
    }
    flight.done(std::move(outcome));
  }

  const HttpPoolOptions options_;
  const std::unique_ptr<CURLM, FreeMulti> multi_;

  std::mutex mutex_;  // guards what follows, up to the blank line
  bool stopping_ = false;
  Id last_id_ = 0;
  std::unordered_set<Id> alive_;  // `done` is still to be called
  std::vector<std::unique_ptr<Flight>> waiting_;
  std::vector<Id> cancelled_;

  // The pool's thread alone.
  std::unordered_map<Id, std::unique_ptr<Flight>> flights_;
  std::vector<curl::Handle> idle_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpPool>> make_curl_http_pool(HttpPoolOptions options) {
  curl::initialize();
  CURLM* multi = curl_multi_init();
  if (multi == nullptr) return fail(ErrorKind::io, "libcurl could not be started");
  try {
    return std::make_unique<CurlHttpPool>(std::move(options), multi);
  } catch (const std::system_error& error) {
    return fail(ErrorKind::io,
                std::string("no thread could be started for HTTP requests: ") + error.what());
  }
}

}  // namespace gantry::host
