#include "host/log/log.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "host/report/terminal.hpp"

namespace gantry::host {
namespace {

constexpr std::size_t secret_chars_min = 6;

// Longest first, so that no secret's tail survives another one that is its beginning.
class HiddenValues {
 public:
  void add(const std::vector<std::string>& values) {
    const std::lock_guard lock(mutex_);
    for (const std::string& value : values) {
      if (value.size() >= secret_chars_min && std::ranges::find(values_, value) == values_.end()) {
        values_.push_back(value);
      }
    }
    std::ranges::sort(values_, std::ranges::greater(), &std::string::size);
  }

  std::string hide(std::string text) const {
    const std::lock_guard lock(mutex_);
    for (const std::string& value : values_) {
      for (std::size_t at = 0; (at = text.find(value, at)) != std::string::npos;) {
        text.replace(at, value.size(), "[secret]");
        at += 8;
      }
    }
    return text;
  }

 private:
  mutable std::mutex mutex_;  // guards values_
  std::vector<std::string> values_;
};

using HiddenPtr = std::shared_ptr<HiddenValues>;

// Function-local, so that nothing runs before main().
HiddenPtr hidden_values() {
  static const auto values = std::make_shared<HiddenValues>();
  return values;
}

// A plain pointer, which costs nothing before it is used.
constinit thread_local const std::string* chain_of_thread = nullptr;

// Most lines that are about a chain begin with its name already.
std::string with_chain_name(std::string text) {
  if (chain_of_thread == nullptr || chain_of_thread->empty()) return text;
  const std::string prefix = *chain_of_thread + ": ";
  return text.starts_with(prefix) ? text : prefix + text;
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return "trace";
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warning";
    default:
      return "error";
  }
}

std::string time_text(std::chrono::system_clock::time_point time) {
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(static_cast<std::time_t>(ms / 1000)), ms % 1000);
}

class HumanFormatter final : public spdlog::formatter {
 public:
  HumanFormatter(HiddenPtr hidden, bool colour) : hidden_(std::move(hidden)), style_(colour) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const Ink ink = message.level >= spdlog::level::err    ? Ink::bad
                    : message.level == spdlog::level::warn ? Ink::warning
                                                           : Ink::dim;
    // Pads before it colours: the codes have no width.
    fmt::format_to(
        std::back_inserter(out), "{} {} {}\n", style_(Ink::dim, time_text(message.time).substr(11)),
        style_(ink, fmt::format("{:<7}", level_name(message.level))),
        printable(
            hidden_->hide(with_chain_name({message.payload.data(), message.payload.size()}))));
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<HumanFormatter>(hidden_, style_.colour());
  }

 private:
  HiddenPtr hidden_;
  Style style_;
};

class JsonFormatter final : public spdlog::formatter {
 public:
  explicit JsonFormatter(HiddenPtr hidden) : hidden_(std::move(hidden)) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    boost::json::object line{
        {"time", time_text(message.time)},
        {"level", level_name(message.level)},
        {"thread", message.thread_id},
        {"message", printable(hidden_->hide({message.payload.data(), message.payload.size()}))}};
    if (const std::string chain = log_chain(); !chain.empty()) line["chain"] = printable(chain);
    fmt::format_to(std::back_inserter(out), "{}\n", boost::json::serialize(line));
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>(hidden_);
  }

 private:
  HiddenPtr hidden_;
};

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

void set_up_log(const LogSettings& settings, bool terminal, bool colour, spdlog::sink_ptr sink) {
  const bool human =
      settings.format == LogFormat::human || (settings.format == LogFormat::automatic && terminal);
  if (human) {
    sink->set_formatter(std::make_unique<HumanFormatter>(hidden_values(), colour));
  } else {
    sink->set_formatter(std::make_unique<JsonFormatter>(hidden_values()));
  }
  auto logger = std::make_shared<spdlog::logger>("gantry", std::move(sink));
  logger->set_level(level_of(settings.level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

void set_up_log(const LogSettings& settings, bool terminal, bool colour) {
  set_up_log(settings, terminal, colour, std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

void hide_from_logs(const std::vector<std::string>& values) { hidden_values()->add(values); }

LogChain::LogChain(std::string name)
    : name_(std::move(name)), before_(std::exchange(chain_of_thread, &name_)) {}
LogChain::~LogChain() { chain_of_thread = before_; }
void lend_log_chain(const std::string* name) noexcept { chain_of_thread = name; }
const std::string* keep_log_chain(const std::string& name) {
  static std::mutex mutex;
  static std::set<std::string> names;
  const std::lock_guard lock(mutex);
  return &*names.insert(name).first;
}
std::string log_chain() { return chain_of_thread == nullptr ? std::string() : *chain_of_thread; }

std::string without_secrets(std::string text) { return hidden_values()->hide(std::move(text)); }

std::string said_line(std::string_view said) {
  constexpr std::size_t chars_max = 200;
  // Cut after what is hidden, half of which would not be known; but never search a whole page.
  std::string line = without_secrets(std::string(said.substr(0, 16 * chars_max)));
  line.resize(std::min(line.size(), chars_max));
  std::ranges::replace_if(line, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return line;
}

}  // namespace gantry::host
