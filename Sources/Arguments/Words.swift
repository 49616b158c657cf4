/// The words that no command has taken yet, and what was made of the others.
struct Words {
    private var words: [Word]
    private(set) var parsed = ParsedArguments()

    init(_ arguments: [String]) {
        words = Word.split(arguments)
    }

    var count: Int { words.count }

    /// The next word, when it may name a command.
    var first: String? {
        guard case .value(let text, isLiteral: false) = words.first else { return nil }
        return text
    }

    mutating func removeFirst() { words.removeFirst() }

    func holds(_ names: [String]) -> Bool { words.contains { $0.isOrHolds(names) } }

    mutating func drop(_ names: [String]) { words.removeAll { $0.isOrHolds(names) } }

    /// Takes those of `rows`, wherever they stand, and leaves the others.
    mutating func takeOptions(of rows: [OptionRow]) throws(UsageError) {
        var index = 0
        while index < words.count {
            switch words[index] {
            case .value: index += 1
            case .long(let name, let value):
                guard let row = rows.first(where: { $0.names.contains(name) }) else {
                    index += 1
                    continue
                }
                words.remove(at: index)
                try take(row, as: name, value, at: index)
            case .short(let letters, let value):
                if let row = rows.first(where: { $0.names.contains("-" + letters) }) {
                    words.remove(at: index)
                    try take(row, as: "-" + letters, value, at: index)
                } else {
                    index += try takeLetters(letters, value, of: rows, at: index)
                }
            }
        }
    }

    /// Takes what it can of `-abc`. Returns how many words stay there.
    private mutating func takeLetters(
        _ letters: String, _ value: String?, of rows: [OptionRow], at index: Int
    ) throws(UsageError) -> Int {
        var rest = ""
        for letter in letters {
            if let row = rows.first(where: { $0.names.contains("-\(letter)") }) {
                // A value stands behind the word, also when other letters follow.
                try take(row, as: "-\(letter)", nil, at: index + 1)
            } else {
                rest.append(letter)
            }
        }
        if rest.isEmpty {
            words.remove(at: index)
            return 0
        }
        // What is left of a group are single letters; the first is the one to complain about.
        words[index] = .short(letters: rest, value: value)
        if rest.utf8.count < letters.utf8.count, rest.count > 1 {
            words.replaceSubrange(index...index, with: rest.map { .short(letters: String($0), value: nil) })
            return rest.count
        }
        return 1
    }

    /// `index`: where a value stands that is not attached.
    private mutating func take(
        _ row: OptionRow, as name: String, _ attached: String?, at index: Int
    ) throws(UsageError) {
        guard let values = row.values else {
            if let attached { throw .valueForFlag(name, attached) }
            parsed.options[row.preferredName] = ""
            return
        }
        var text = attached
        if text == nil, index < words.count, case .value(let next, isLiteral: false) = words[index] {
            words.remove(at: index)
            text = next
        }
        guard let text else { throw .missingValue(row, as: name) }
        guard values.accepts(text) else { throw .invalid(text, row, as: name) }
        parsed.options[row.preferredName] = text
    }

    /// Takes values for the arguments without a name; what is too much stays.
    mutating func takePositionals(_ rows: [PositionalRow]) throws(UsageError) {
        for row in rows {
            while let index = words.firstIndex(where: \.isValue), case .value(let text, _) = words[index] {
                guard row.accepts(text) else { throw .invalid(text, row) }
                words.remove(at: index)
                parsed.positionals[row.name, default: []].append(text)
                if !row.isRepeated { break }
            }
        }
    }

    func requireEmpty() throws(UsageError) {
        for word in words {
            if let name = word.optionName { throw .unknownOption(name) }
        }
        guard !words.isEmpty else { return }
        throw .unexpected(
            words.compactMap { word in
                if case .value(let text, _) = word { text } else { nil }
            })
    }
}

extension Word {
    var isValue: Bool {
        if case .value = self { true } else { false }
    }
}
