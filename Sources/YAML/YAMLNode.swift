/// A part of a YAML document: what it says and how it was written.
package indirect enum YAMLNode: Sendable, Equatable {
    case scalar(Scalar)
    case sequence(Sequence)
    case mapping(Mapping)

    /// A text, number or whatever else has no parts.
    package struct Scalar: Sendable, Equatable {
        package enum Style: Sendable, Equatable {
            /// Plain if that is read back as the same text, else quoted.
            case any
            case plain, singleQuoted, doubleQuoted, literal, folded
        }

        package var string: String
        package var style: Style
        /// As it was given, in full; nil: none was.
        package var tag: String?

        package init(_ string: String, style: Style = .any, tag: String? = nil) {
            self.string = string
            self.style = style
            self.tag = tag
        }

        /// Compares bytes: to a reader of YAML, texts that only look alike are different.
        package static func == (left: Scalar, right: Scalar) -> Bool {
            left.string.utf8.elementsEqual(right.string.utf8) && left.style == right.style && left.tag == right.tag
        }
    }

    package enum CollectionStyle: Sendable, Equatable {
        /// Block, unless it is empty or within brackets.
        case any
        case block
        /// In brackets or braces.
        case flow
    }

    package struct Sequence: Sendable, Equatable {
        package var items: [YAMLNode]
        package var style: CollectionStyle
        package var tag: String?

        package init(_ items: [YAMLNode] = [], style: CollectionStyle = .any, tag: String? = nil) {
            self.items = items
            self.style = style
            self.tag = tag
        }
    }

    /// Pairs in their order. The keys of one that was read are all different.
    package struct Mapping: Sendable, Equatable {
        package struct Pair: Sendable, Equatable {
            package var key: YAMLNode
            package var value: YAMLNode

            package init(key: YAMLNode, value: YAMLNode) {
                self.key = key
                self.value = value
            }
        }

        package var pairs: [Pair]
        package var style: CollectionStyle
        package var tag: String?

        package init(_ pairs: [Pair] = [], style: CollectionStyle = .any, tag: String? = nil) {
            self.pairs = pairs
            self.style = style
            self.tag = tag
        }

        /// The value of the first key that is this text, byte for byte. Setting replaces it in place, or adds the pair
        /// at the end; nil takes it away.
        package subscript(key: String) -> YAMLNode? {
            get { index(of: key).map { pairs[$0].value } }
            set {
                switch (index(of: key), newValue) {
                case (let index?, let value?): pairs[index].value = value
                case (let index?, nil): pairs.remove(at: index)
                case (nil, let value?): pairs.append(Pair(key: YAMLNode(key), value: value))
                case (nil, nil): break
                }
            }
        }

        private func index(of key: String) -> Int? {
            pairs.firstIndex { $0.key.string.map { $0.utf8.elementsEqual(key.utf8) } ?? false }
        }
    }

    /// A text; it is quoted when it must be.
    package init(_ string: String, style: Scalar.Style = .any) {
        self = .scalar(Scalar(string, style: style))
    }
}

extension YAMLNode {
    package var scalar: Scalar? {
        if case .scalar(let scalar) = self { scalar } else { nil }
    }

    package var sequence: Sequence? {
        if case .sequence(let sequence) = self { sequence } else { nil }
    }

    package var mapping: Mapping? {
        if case .mapping(let mapping) = self { mapping } else { nil }
    }

    /// The text of a scalar, whatever it may mean.
    package var string: String? { scalar?.string }
}

/// Why a text is no YAML of ours. Never says what stands there.
package enum YAMLError: Error, Sendable, Equatable {
    /// `line` counts from 1; nil: unknown.
    case syntax(line: Int?)
    case undefinedAlias(line: Int)
    case secondDocument(line: Int)
    case duplicateKey
    /// More depth, parts or text than the limits allow, aliases counted as often as they are used.
    case tooMuch(line: Int?)
    /// A node has no written form.
    case unwritable

    /// Counts from 1.
    package var line: Int? {
        switch self {
        case .syntax(let line), .tooMuch(let line): line
        case .undefinedAlias(let line), .secondDocument(let line): line
        case .duplicateKey, .unwritable: nil
        }
    }
}
