/// A row of the table of options: what may be written, and what the help says of it.
package struct OptionRow: Sendable {
    /// What a value of an option must look like.
    struct Values: Sendable {
        /// Shown as `<name>`.
        let name: String
        let accepts: @Sendable (String) -> Bool
        /// All values there are; empty: too many to list.
        let choices: [String]
        let defaultText: String?
        let isRequired: Bool
    }

    /// As they are written, dashes included: `-c`, `--config`, and with more than one letter after one dash `-db`.
    let names: [String]
    /// nil: a flag, which takes no value.
    let values: Values?
    let help: String

    /// The name that errors and usage show.
    var preferredName: String { names.first { $0.utf8.count > 2 } ?? names.first ?? "" }

    /// `--config <config>`; `name` is the one that was written.
    func shown(as name: String? = nil) -> String {
        let name = name ?? preferredName
        return values.map { "\(name) <\($0.name)>" } ?? name
    }
}

/// An option with a value, such as `--config data/config.yaml` or `--config=data/config.yaml`. Given twice, the last
/// value counts.
package struct Option<Value: Sendable>: Sendable {
    package let row: OptionRow
    let read: @Sendable (String) -> Value?
    let fallback: Value?

    /// - Parameters:
    ///   - names: with their dashes. The value is called after the first one of more than one letter.
    ///   - fallback: what counts when the option is not given.
    ///   - isRequired: the option must be given.
    ///   - choices: listed in the help, and where another value is refused.
    ///   - read: nil refuses the text.
    package init(
        _ names: String..., help: String, default fallback: Value? = nil, isRequired: Bool = false,
        choices: [String] = [], read: @escaping @Sendable (String) -> Value?
    ) {
        self.read = read
        self.fallback = fallback
        let named = names.first { $0.utf8.count > 2 } ?? names.first ?? ""
        let values = OptionRow.Values(
            name: String(named.drop { $0 == "-" }), accepts: { read($0) != nil }, choices: choices,
            defaultText: fallback.map { "\($0)" }, isRequired: isRequired)
        row = OptionRow(names: names, values: values, help: help)
    }
}

extension Option where Value == String {
    package init(_ names: String..., help: String, default fallback: String? = nil, isRequired: Bool = false) {
        read = { $0 }
        self.fallback = fallback
        let named = names.first { $0.utf8.count > 2 } ?? names.first ?? ""
        let values = OptionRow.Values(
            name: String(named.drop { $0 == "-" }), accepts: { _ in true }, choices: [], defaultText: fallback,
            isRequired: isRequired)
        row = OptionRow(names: names, values: values, help: help)
    }
}

extension Option where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of the cases.
    /// - Parameter ignoresCase: whether small letters may be written as capital ones.
    package init(_ names: String..., help: String, default fallback: Value? = nil, ignoresCase: Bool = false) {
        let read: @Sendable (String) -> Value? = { Value(rawValue: ignoresCase ? $0.lowercased() : $0) }
        self.read = read
        self.fallback = fallback
        let named = names.first { $0.utf8.count > 2 } ?? names.first ?? ""
        let values = OptionRow.Values(
            name: String(named.drop { $0 == "-" }), accepts: { read($0) != nil },
            choices: Value.allCases.map(\.rawValue), defaultText: fallback?.rawValue, isRequired: false)
        row = OptionRow(names: names, values: values, help: help)
    }
}

/// An option without a value.
package struct Flag: Sendable {
    package let row: OptionRow

    package init(_ names: String..., help: String) {
        row = OptionRow(names: names, values: nil, help: help)
    }
}

/// A row of the table of arguments that have no name on the command line.
package struct PositionalRow: Sendable {
    let name: String
    let help: String
    let isRepeated: Bool
    let accepts: @Sendable (String) -> Bool

    var shown: String { isRepeated ? "<\(name)> ..." : "<\(name)>" }
}

/// An argument that is told by its place. It must be given.
package struct Positional<Value: Sendable>: Sendable {
    package let row: PositionalRow
    let read: @Sendable (String) -> Value?

    /// - Parameters:
    ///   - isRepeated: takes all that follow; at least one must be given.
    ///   - read: nil refuses the text.
    package init(
        _ name: String, help: String, isRepeated: Bool = false, read: @escaping @Sendable (String) -> Value?
    ) {
        row = PositionalRow(name: name, help: help, isRepeated: isRepeated, accepts: { read($0) != nil })
        self.read = read
    }
}
