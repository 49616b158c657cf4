import Transport

/// A dictionary in 64 parts with a lock each, so that many agents that come and go meet rarely.
final class ShardedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private final class Shard: Sendable {
        let table = Lock<[Key: Value]>([:])
    }

    private let shards: [Shard] = (0..<64).map { _ in Shard() }

    subscript(key: Key) -> Value? {
        shard(key).table.withLock { $0[key] }
    }

    func set(_ value: Value, _ key: Key) {
        shard(key).table.withLock { $0[key] = value }
    }

    /// The value of `key`, made by `make` when there is none.
    func value(_ key: Key, orMake make: () -> Value) -> Value {
        shard(key).table.withLock { table in
            if let value = table[key] { return value }
            let value = make()
            table[key] = value
            return value
        }
    }

    func remove(_ key: Key) -> Value? {
        shard(key).table.withLock { $0.removeValue(forKey: key) }
    }

    /// All values, each part at its own moment.
    var values: [Value] {
        shards.flatMap { shard in shard.table.withLock { Array($0.values) } }
    }

    private func shard(_ key: Key) -> Shard {
        shards[Int(UInt(bitPattern: key.hashValue) % UInt(shards.count))]
    }
}
