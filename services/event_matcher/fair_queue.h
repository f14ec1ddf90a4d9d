// A bounded queue that tenants share: they take turns, and none can fill it alone.
//
// Turns: deficit round robin (Shreedhar and Varghese, "Efficient Fair Queueing Using Deficit Round
// Robin", 1995): O(1) an item, and over time each tenant that waits gets the same cost out.
// Room: dynamic thresholds (Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory
// Packet Switches", 1998, alpha = 1): a tenant may hold as much as is still free. Alone it can fill
// half of the queue; with n greedy ones 1/(n+1) stays free for whoever comes next.
#ifndef SERVICES_EVENT_MATCHER_FAIR_QUEUE_H_
#define SERVICES_EVENT_MATCHER_FAIR_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "matcher/base/check.h"

namespace cievents::event_matcher {

// What an item takes: `events` and `bytes` of the room, `cost` of its tenant's turns.
struct QueueSize {
  size_t events = 0;
  size_t bytes = 0;
  size_t cost = 0;
};

// Not thread-safe. A tenant without items takes no memory.
template <typename Item>
class FairQueue {
 public:
  struct Limits {
    size_t events_max = 50'000;
    size_t bytes_max = 256 * 1024 * 1024;
    // What a turn is worth: about the cost of a usual item, so that a turn takes one or two.
    size_t turn_cost = 100;
  };

  explicit FairQueue(const Limits& limits) : limits_(limits) {}

  // False: there is no room for the tenant, and `item` was not taken. A tenant without items may
  // always put one in as long as there is room at all, and an empty queue takes any one item:
  // refusing it would refuse it for ever.
  bool Push(int64_t tenant, const QueueSize& size, Item&& item) {
    if (!HasRoom(tenant, size)) return false;
    Append(tenant, size, std::move(item), End::kBack);
    return true;
  }

  // Puts back what was taken, before what its tenant has now. There is always room: it was here.
  void PutBack(int64_t tenant, const QueueSize& size, Item&& item) {
    Append(tenant, size, std::move(item), End::kFront);
  }

  // The item whose turn is next; null: the queue is empty. Stays the same until Pop, Skip or
  // PutBack.
  Item* Peek() {
    if (turns_.empty()) return nullptr;
    while (true) {
      Tenant& tenant = tenants_.at(turns_.front());
      if (tenant.deficit >= tenant.items.front().size.cost) return &tenant.items.front().item;
      tenant.deficit += limits_.turn_cost;
      if (tenant.deficit < tenant.items.front().size.cost) {
        turns_.splice(turns_.end(), turns_, turns_.begin());
      }
    }
  }

  // Takes out what Peek shows. REQUIRES: !empty().
  Item Pop() {
    CIEVENTS_CHECK(Peek() != nullptr);
    const int64_t id = turns_.front();
    Tenant& tenant = tenants_.at(id);
    Entry entry = std::move(tenant.items.front());
    tenant.items.pop_front();
    tenant.deficit -= entry.size.cost;
    Release(tenant, entry.size);
    if (tenant.items.empty()) {
      turns_.pop_front();
      tenants_.erase(id);
    } else if (tenant.deficit < tenant.items.front().size.cost) {
      turns_.splice(turns_.end(), turns_, turns_.begin());
    }
    return std::move(entry.item);
  }

  // Takes out all items that `unwanted` says, of all tenants.
  template <typename Predicate>
  std::vector<Item> RemoveIf(const Predicate& unwanted) {
    std::vector<Item> removed;
    for (auto turn = turns_.begin(); turn != turns_.end();) {
      Tenant& tenant = tenants_.at(*turn);
      std::deque<Entry> kept;
      for (Entry& entry : tenant.items) {
        if (unwanted(entry.item)) {
          Release(tenant, entry.size);
          removed.push_back(std::move(entry.item));
        } else {
          kept.push_back(std::move(entry));
        }
      }
      tenant.items = std::move(kept);
      if (tenant.items.empty()) {
        tenants_.erase(*turn);
        turn = turns_.erase(turn);
      } else {
        ++turn;
      }
    }
    return removed;
  }

  bool empty() const { return turns_.empty(); }
  size_t events() const { return events_; }
  size_t bytes() const { return bytes_; }
  size_t tenants() const { return tenants_.size(); }

 private:
  struct Entry {
    QueueSize size;
    Item item;
  };
  struct Tenant {
    std::deque<Entry> items;
    size_t deficit = 0;
    size_t events = 0;
    size_t bytes = 0;
  };
  enum class End { kFront, kBack };

  bool HasRoom(int64_t id, const QueueSize& size) const {
    if (empty()) return true;
    if (events_ + size.events > limits_.events_max || bytes_ + size.bytes > limits_.bytes_max) {
      return false;
    }
    const auto found = tenants_.find(id);
    if (found == tenants_.end()) return true;
    const Tenant& tenant = found->second;
    return tenant.events + size.events <= limits_.events_max - events_ &&
           tenant.bytes + size.bytes <= limits_.bytes_max - bytes_;
  }

  void Append(int64_t id, const QueueSize& size, Item&& item, End end) {
    const auto [it, is_new] = tenants_.try_emplace(id);
    Tenant& tenant = it->second;
    if (is_new) turns_.push_back(id);
    if (end == End::kBack) {
      tenant.items.push_back({size, std::move(item)});
    } else {
      tenant.items.push_front({size, std::move(item)});
    }
    tenant.events += size.events;
    tenant.bytes += size.bytes;
    events_ += size.events;
    bytes_ += size.bytes;
  }

  void Release(Tenant& tenant, const QueueSize& size) {
    tenant.events -= size.events;
    tenant.bytes -= size.bytes;
    events_ -= size.events;
    bytes_ -= size.bytes;
  }

  const Limits limits_;
  absl::flat_hash_map<int64_t, Tenant> tenants_;
  std::list<int64_t> turns_;  // tenants that have items; the front's turn is now
  size_t events_ = 0;
  size_t bytes_ = 0;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_FAIR_QUEUE_H_
