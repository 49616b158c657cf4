extension Logger {
    /// What a line says beside its text: names with a value each, in the order of the names' bytes. There are few, and
    /// most lines are written once and forgotten, so a list costs less than a table that hashes.
    package struct Metadata: Sendable, Hashable {
        package struct Entry: Sendable, Hashable {
            package let key: String
            package var value: MetadataValue
        }

        package private(set) var entries: [Entry] = []

        package init() {}

        package subscript(key: String) -> MetadataValue? {
            get { entries.first { $0.key.utf8.elementsEqual(key.utf8) }?.value }
            set {
                let place = entries.firstIndex { !$0.key.utf8.lexicographicallyPrecedes(key.utf8) } ?? entries.endIndex
                let isThere = place < entries.endIndex && entries[place].key.utf8.elementsEqual(key.utf8)
                switch (newValue, isThere) {
                case (let value?, true): entries[place].value = value
                case (let value?, false): entries.insert(Entry(key: key, value: value), at: place)
                case (nil, true): entries.remove(at: place)
                case (nil, false): break
                }
            }
        }

        /// With those of another, which win.
        package func merging(_ others: Metadata) -> Metadata {
            if others.entries.isEmpty { return self }
            if entries.isEmpty { return others }
            var all = self
            for entry in others.entries { all[entry.key] = entry.value }
            return all
        }
    }
}

extension Logger.Metadata: ExpressibleByDictionaryLiteral {
    /// Of names that stand twice the last one counts.
    package init(dictionaryLiteral elements: (String, Logger.MetadataValue)...) {
        entries.reserveCapacity(elements.count)
        for (key, value) in elements { self[key] = value }
    }
}
