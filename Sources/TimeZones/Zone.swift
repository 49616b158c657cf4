/// A time zone: which offset its clocks have at each instant. Instants are seconds since 1970-01-01T00:00:00Z.
package struct Zone: Sendable, Equatable {
    /// How clocks are set for a while.
    package struct Setting: Sendable, Equatable {
        /// Seconds that the clocks are ahead of UTC.
        package let offset: Int
        package let isDaylightSaving: Bool
        /// Such as CET.
        package let abbreviation: String
    }

    /// What a reading of the clock stands for.
    package enum LocalTime: Sendable, Equatable {
        case once(Int64)
        /// The clocks were set back.
        case twice(first: Int64, second: Int64)
        /// The clocks were set forward over it; the instant that a clock shows which was not.
        case never(Int64)
    }

    package let name: String
    /// The instants when clocks were changed, in their order, and the settings since then.
    let changes: [(instant: Int64, setting: Setting)]
    /// Before the first change.
    let first: Setting
    /// After the last change; nil: as it was then.
    let rule: PosixRule?

    /// UTC, or UTC with another offset in seconds.
    static func fixed(_ name: String, offset: Int) -> Zone {
        Zone(
            name: name, changes: [], first: Setting(offset: offset, isDaylightSaving: false, abbreviation: name),
            rule: nil)
    }

    package static func == (left: Zone, right: Zone) -> Bool {
        left.name == right.name && left.first == right.first && left.rule == right.rule
            && left.changes.elementsEqual(right.changes) { $0.instant == $1.instant && $0.setting == $1.setting }
    }

    package func setting(at instant: Int64) -> Setting {
        guard let last = changes.last, instant < last.instant else {
            return rule?.setting(at: instant) ?? changes.last?.setting ?? first
        }
        // The number of changes until then.
        var low = 0
        var high = changes.count
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].instant <= instant { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? first : changes[low - 1].setting
    }

    /// - Parameter local: what the clock shows, as seconds since it would have shown 1970-01-01 00:00:00.
    package func instant(local: Int64) -> LocalTime {
        // Within what any clock may show; later arithmetic cannot overflow.
        let local = min(max(local, -1 << 53), 1 << 53)
        let before = Int64(setting(at: local - 86_400 * 2).offset)
        var offsets = [before]
        for nearby in [local - 86_400, local, local + 86_400, local + 86_400 * 2] {
            offsets.append(Int64(setting(at: nearby).offset))
        }
        for offset in offsets { offsets.append(Int64(setting(at: local - offset).offset)) }
        let instants = Set(offsets.map { local - $0 }).filter { $0 + Int64(setting(at: $0).offset) == local }.sorted()
        guard let first = instants.first, let last = instants.last else {
            // The offset that held just before the change that leaves this time out.
            let earliest = offsets.map { local - $0 }.min() ?? local
            return .never(local - Int64(setting(at: earliest).offset))
        }
        return first == last ? .once(first) : .twice(first: first, second: last)
    }
}

/// Why there is no such zone.
package enum ZoneError: Error, Sendable, Equatable {
    /// The text cannot be the name of a zone.
    case badName
    case unknown
    /// There are no zones at all: the folder is missing.
    case noZones(folder: String)
    /// The file cannot be read, or is no TZif file.
    case damaged(path: String)
}
