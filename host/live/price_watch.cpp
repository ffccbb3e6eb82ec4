#include "host/live/price_watch.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>
#include <condition_variable>
#include <utility>

#include "host/log/log.hpp"

namespace gantry::host {
namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr std::size_t price_answer_bytes_max = 1U << 20U;

std::uint64_t unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now).count());
}

// A number, or a text that is one and nothing else.
std::optional<double> number_at(const boost::json::value& body, std::string_view pointer) {
  boost::system::error_code fault;
  const boost::json::value* found = body.find_pointer(pointer, fault);
  if (found == nullptr) return std::nullopt;
  if (found->is_number()) return found->to_number<double>();
  if (!found->is_string()) return std::nullopt;
  const std::string_view text(found->get_string());
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

struct PriceWatch::Source {
  PriceSettings settings;
  Secret url;
  Steady::time_point next{};
  HttpPool::Id under_way = 0;
  bool waits = false;
  std::uint64_t asked_ms = 0;
  bool fails = false;                 // and it was told
  std::optional<OutsidePrice> fresh;  // not taken yet
};

struct PriceWatch::Answers {
  std::mutex mutex;
  std::condition_variable_any came;
  std::vector<std::pair<std::size_t, HttpOutcome>> waiting;  // of the source with that number
};

std::optional<OutsidePrice> parse_price(const PriceSettings& settings, std::string_view body) {
  boost::system::error_code fault;
  const auto parsed = boost::json::parse(body, fault);
  if (fault) return std::nullopt;
  const auto bid = number_at(parsed, settings.bid);
  const auto ask = number_at(parsed, settings.ask);
  if (!bid || !ask) return std::nullopt;
  OutsidePrice price{settings.token, settings.quote, *bid, *ask, 1, settings.name};
  if (!makes_sense(price)) return std::nullopt;
  return price;
}

PriceWatch::PriceWatch(std::string chain, HttpPool& http)
    : chain_(std::move(chain)), http_(http), answers_(std::make_shared<Answers>()) {}

Result<std::shared_ptr<PriceWatch>> PriceWatch::make(const ChainSettings& chain, HttpPool& http,
                                                     const Environment& environment) {
  std::shared_ptr<PriceWatch> watch(new PriceWatch(chain.name, http));
  const Environment of_chain = with_chain(environment, chain.id);
  for (const PriceSettings& settings : chain.prices) {
    auto url = settings.url.resolve(of_chain);
    if (!url) {
      return fail(ErrorKind::configuration,
                  fmt::format("price {}: {}", settings.name, url.error().message));
    }
    if (!is_private_url(url->reveal())) {
      return fail(ErrorKind::configuration,
                  fmt::format("price {}: its url is neither https nor on this machine, so anybody "
                              "on the way could make prices",
                              settings.name));
    }
    for (const std::string& variable : settings.url.variables()) {
      if (const auto value = of_chain(variable)) hide_from_logs({*value});
    }
    auto source = std::make_unique<Source>();
    source->settings = settings;
    source->url = *std::move(url);
    watch->sources_.push_back(std::move(source));
  }
  watch->thread_ =
      std::jthread([self = watch.get(), name = log_chain()](const std::stop_token& stop) {
        const LogChain named(name);
        self->run(stop);
      });
  return watch;
}

PriceWatch::~PriceWatch() { stop(); }

void PriceWatch::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  for (const auto& source : sources_) {
    if (std::exchange(source->waits, false)) http_.cancel(source->under_way);
  }
}

std::vector<OutsidePrice> PriceWatch::drain() {
  std::vector<OutsidePrice> out;
  const std::lock_guard lock(mutex_);
  for (const auto& source : sources_) {
    if (source->fresh) out.push_back(*std::exchange(source->fresh, std::nullopt));
  }
  return out;
}

PriceCounts PriceWatch::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void PriceWatch::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto next = Steady::time_point::max();
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      Source& source = *sources_[i];
      if (!source.waits && source.next <= Steady::now()) ask(i);
      if (!source.waits) next = std::min(next, source.next);
    }
    std::vector<std::pair<std::size_t, HttpOutcome>> came;
    {
      std::unique_lock lock(answers_->mutex);
      // The steady clock has no time after its last.
      next = std::min(next, Steady::now() + std::chrono::hours(1));
      answers_->came.wait_until(lock, stop, next, [&] { return !answers_->waiting.empty(); });
      came.swap(answers_->waiting);
    }
    for (const auto& [index, outcome] : came) {
      sources_[index]->waits = false;
      take(*sources_[index], outcome);
    }
  }
}

void PriceWatch::ask(std::size_t index) {
  Source& source = *sources_[index];
  source.next = Steady::now() + milliseconds(source.settings.every_ms);
  source.asked_ms = unix_ms();
  source.waits = true;
  HttpRequest request;
  request.url = source.url;
  request.headers = {{"accept", "application/json"}};
  request.timeout_ms = source.settings.every_ms;
  request.answer_bytes_max = price_answer_bytes_max;
  source.under_way =
      http_.start(std::move(request), [answers = answers_, index](HttpOutcome outcome) {
        const std::lock_guard lock(answers->mutex);
        answers->waiting.emplace_back(index, std::move(outcome));
        answers->came.notify_one();
      });
  const std::lock_guard lock(mutex_);
  ++counts_.asked;
}

void PriceWatch::take(Source& source, const HttpOutcome& outcome) {
  constexpr std::int64_t ok = 200;
  if (!outcome) return failed(source, outcome.error().message);
  if (outcome->status != ok) return failed(source, fmt::format("HTTP {}", outcome->status));
  auto price = parse_price(source.settings, outcome->body);
  if (!price) {
    return failed(source, fmt::format("its answer has no bid at {} and ask at {}",
                                      source.settings.bid, source.settings.ask));
  }
  price->time_ms = source.asked_ms;
  if (std::exchange(source.fails, false)) {
    spdlog::info("{}: price {}: answers again", chain_, source.settings.name);
  }
  const std::lock_guard lock(mutex_);
  ++counts_.told;
  source.fresh = std::move(price);
}

void PriceWatch::failed(Source& source, const std::string& why) {
  if (!std::exchange(source.fails, true)) {
    spdlog::warn("{}: price {}: {}; trying again", chain_, source.settings.name, why);
  }
  const std::lock_guard lock(mutex_);
  ++counts_.failed;
}

}  // namespace gantry::host
