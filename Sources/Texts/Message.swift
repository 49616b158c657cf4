/// A text for people that keeps its format and its arguments apart, so that it can be told in another language.
///
/// It is written as a literal, and nothing else has to be done: `"group id \(id) does not exist"` has the format
/// `group id %@ does not exist` and one argument. Two literals put together by `+` have no common format, so a text is one
/// literal.
package struct Message: Sendable, Hashable {
    /// What stands before, between and after the arguments: always one more than there are arguments. English.
    private let pieces: [String]
    /// What is not ours to translate: numbers, names, the words of others.
    package let arguments: [String]

    /// A text that has no translation, such as the words of an agent: all of it is one argument.
    package init(verbatim text: String) {
        pieces = ["", ""]
        arguments = [text]
    }

    /// English, with `%@` in each argument's place; the key of ``Translations``.
    package var format: String { pieces.joined(separator: Translations.placeholder) }

    package var english: String { fill(pieces) }

    /// In a language that has no row for this format: English.
    package func text(in language: Language) -> String {
        guard let pieces = Translations.pieces(for: format, in: language), pieces.count == arguments.count + 1 else {
            return english
        }
        return fill(pieces)
    }

    private func fill(_ pieces: [String]) -> String {
        var text = pieces[0]
        for (argument, piece) in zip(arguments, pieces.dropFirst()) { text += argument + piece }
        return text
    }
}

extension Message: CustomStringConvertible {
    /// English.
    package var description: String { english }
}

extension Message: ExpressibleByStringInterpolation {
    package init(stringLiteral text: String) {
        pieces = [text]
        arguments = []
    }

    package init(stringInterpolation: StringInterpolation) {
        pieces = stringInterpolation.pieces
        arguments = stringInterpolation.arguments
    }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var pieces = [""]
        fileprivate var arguments: [String] = []

        package init(literalCapacity: Int, interpolationCount: Int) {}

        package mutating func appendLiteral(_ literal: String) { pieces[pieces.count - 1] += literal }

        package mutating func appendInterpolation(_ argument: some CustomStringConvertible) {
            arguments.append(argument.description)
            pieces.append("")
        }
    }
}
