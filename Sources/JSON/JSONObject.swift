/// The members of a JSON object, in the order they were written, each key once.
///
/// Keys are compared byte by byte: unlike Swift's `String`, JSON does not treat canonically equivalent spellings of a
/// text as one key. Equality of objects ignores the order of members.
package struct JSONObject: Sendable {
    package typealias Element = (key: String, value: JSONValue)

    /// A struct of its own, as a tuple's parts would be copied and let go by way of its metadata.
    package struct Member: Sendable {
        package let key: String
        package internal(set) var value: JSONValue
    }

    package private(set) var members: [Member]
    /// Where each key stands, once searching the list would make a hostile object quadratic.
    private var index: [ExactText: Int]?

    private static let linearSearchLimit = 16
    private static let usualCount = 4

    package init() {
        members = []
    }

    /// Where a key occurs twice against the promise, the last value wins.
    package init(uniqueMembers: [(String, JSONValue)]) {
        self.init()
        members.reserveCapacity(uniqueMembers.count)
        for (key, value) in uniqueMembers { self[key] = value }
    }

    package var count: Int { members.count }
    package var isEmpty: Bool { members.isEmpty }
    package var keys: [String] { members.map(\.key) }

    package func contains(_ key: String) -> Bool { position(of: key) != nil }

    /// As ``contains(_:)``, quicker where members are asked for in their order: looks at `next` first, and leaves there
    /// what follows the member that it found.
    package func contains(_ key: String, startingAt next: inout Int) -> Bool {
        guard let position = position(of: key, from: next) ?? position(of: key) else { return false }
        next = position + 1
        return true
    }

    /// Setting `nil` removes the member; a new key goes last. Removal costs time linear in the number of members.
    package subscript(key: String) -> JSONValue? {
        get {
            guard let position = position(of: key) else { return nil }
            return members[position].value
        }
        set {
            let position = position(of: key)
            switch (position, newValue) {
            case (let position?, let value?): members[position].value = value
            case (nil, let value?): append(key: key, value: value)
            case (let position?, nil):
                members.remove(at: position)
                rebuildIndex()
            case (nil, nil): break
            }
        }
    }

    /// Adds a member whose key is not there yet, which the caller knows; costs no search.
    package mutating func appendNew(_ key: String, _ value: JSONValue) {
        assert(position(of: key) == nil, "\(key) stands there already")
        append(key: key, value: value)
    }

    /// Adds a member; `false`, and no change, where the key is taken.
    mutating func appendIfAbsent(key: String, value: JSONValue) -> Bool {
        guard position(of: key) == nil else { return false }
        append(key: key, value: value)
        return true
    }

    package mutating func reserveCapacity(_ count: Int) {
        members.reserveCapacity(count)
    }

    private mutating func append(key: String, value: JSONValue) {
        // One piece of memory for the usual few members, instead of one for each power of two.
        if members.isEmpty, members.capacity == 0 { members.reserveCapacity(Self.usualCount) }
        members.append(Member(key: key, value: value))
        if index != nil {
            index?[ExactText(key)] = members.count - 1
        } else if members.count > Self.linearSearchLimit {
            rebuildIndex()
        }
    }

    private mutating func rebuildIndex() {
        guard members.count > Self.linearSearchLimit else {
            index = nil
            return
        }
        var index: [ExactText: Int] = [:]
        index.reserveCapacity(members.count * 2)
        for (position, member) in members.enumerated() { index[ExactText(member.key)] = position }
        self.index = index
    }

    private func position(of key: String, from first: Int) -> Int? {
        guard index == nil else { return nil }
        let members = members.span
        for position in first..<members.count where ExactText.areEqual(members[position].key, key) { return position }
        return nil
    }

    private func position(of key: String) -> Int? {
        if let index { return index[ExactText(key)] }
        let members = members.span
        for position in members.indices where ExactText.areEqual(members[position].key, key) { return position }
        return nil
    }
}

extension JSONObject: Sequence {
    package struct Iterator: IteratorProtocol {
        fileprivate var members: IndexingIterator<[Member]>

        package mutating func next() -> Element? { members.next().map { ($0.key, $0.value) } }
    }

    package func makeIterator() -> Iterator { Iterator(members: members.makeIterator()) }
    package var underestimatedCount: Int { members.count }
}

extension JSONObject: Hashable {
    package static func == (lhs: JSONObject, rhs: JSONObject) -> Bool {
        guard lhs.count == rhs.count else { return false }
        for (position, member) in lhs.members.enumerated() {
            // Objects of one origin mostly agree in order too; then no search is needed.
            let candidate = rhs.members[position]
            if ExactText.areEqual(candidate.key, member.key) {
                guard candidate.value == member.value else { return false }
            } else {
                guard let other = rhs[member.key], other == member.value else { return false }
            }
        }
        return true
    }

    package func hash(into hasher: inout Hasher) {
        // Commutative, as order does not count.
        var combined: UInt = 0
        for member in members {
            var inner = Hasher()
            inner.combine(ExactText(member.key))
            inner.combine(member.value)
            combined &+= UInt(bitPattern: inner.finalize())
        }
        hasher.combine(members.count)
        hasher.combine(combined)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(uniqueMembers: elements)
    }
}
