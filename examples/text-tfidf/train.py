"""Trains a classifier that tells languages apart and writes it with joblib, with requests and answers.

Short sentences in five languages, as they stand below, become counts of one to three letters, weighed
by how rare they are; a logistic regression learns them. What scikit-learn answers for a few other
sentences is written beside the requests.

    pip install -r requirements.txt
    python train.py
"""

import json
from pathlib import Path

import joblib
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

HERE = Path(__file__).parent

SENTENCES = {
    "dutch": """De trein naar Utrecht vertrekt over vijf minuten
Ik heb gisteren een nieuw boek gekocht
Waar is het dichtstbijzijnde ziekenhuis
Mijn zus werkt al jaren bij de gemeente
Het regent hier bijna elke dag in de herfst
Wil je vanavond bij ons komen eten
De kinderen spelen graag buiten in de tuin
Wij hebben het huis vorig jaar verkocht
Hij heeft nog nooit zo hard gelopen
Dat vind ik een heel goed idee""",
    "english": """The train to London leaves in five minutes
I bought a new book yesterday afternoon
Where is the nearest hospital in this town
My sister has worked for the council for years
It rains here nearly every day in autumn
Would you like to have dinner with us tonight
The children like to play outside in the garden
We sold the house to our neighbours last year
He had never run so fast in his whole life
I think that this is a very good idea""",
    "french": """Le train pour Lyon part dans cinq minutes
J'ai acheté un nouveau livre hier après-midi
Où se trouve l'hôpital le plus proche
Ma sœur travaille pour la mairie depuis des années
Il pleut ici presque tous les jours en automne
Veux-tu dîner avec nous ce soir à la maison
Les enfants aiment jouer dehors dans le jardin
Nous avons vendu la maison l'année dernière
Il n'avait jamais couru aussi vite de sa vie
Je pense que c'est une très bonne idée""",
    "german": """Der Zug nach Leipzig fährt in fünf Minuten ab
Ich habe gestern ein neues Buch gekauft
Wo ist das nächste Krankenhaus in dieser Stadt
Meine Schwester arbeitet seit Jahren bei der Gemeinde
Im Herbst regnet es hier fast jeden Tag
Möchtest du heute Abend mit uns essen
Die Kinder spielen gern draußen im Garten
Wir haben das Haus im letzten Jahr verkauft
Er war noch nie in seinem Leben so schnell gelaufen
Ich halte das für eine sehr gute Idee""",
    "spanish": """El tren para Sevilla sale dentro de cinco minutos
Ayer por la tarde compré un libro nuevo
Dónde está el hospital más cercano de la ciudad
Mi hermana trabaja en el ayuntamiento desde hace años
En otoño llueve aquí casi todos los días
Quieres cenar con nosotros esta noche en casa
A los niños les gusta jugar fuera en el jardín
El año pasado vendimos la casa a los vecinos
Nunca había corrido tan rápido en su vida
Creo que es una idea muy buena""",
}

ASKED = {
    "The weather will be better tomorrow morning": "english",
    "Das Wetter wird morgen früh besser": "german",
    "Le temps sera meilleur demain matin": "french",
    "El tiempo será mejor mañana por la mañana": "spanish",
    "Morgenochtend wordt het weer beter": "dutch",
}


def write(name, value):
    path = HERE / "requests" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def main():
    texts = [text for lines in SENTENCES.values() for text in lines.splitlines()]
    labels = [name for name, lines in SENTENCES.items() for _ in lines.splitlines()]
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True)
    model = make_pipeline(letters, LogisticRegression(C=100)).fit(texts, labels)
    asked = list(ASKED)
    found = model.predict(asked).tolist()
    print(f"{len(texts)} sentences to train with; {found} for the others")
    assert found == list(ASKED.values()), "the model has not learnt the languages"

    (HERE / "model").mkdir(exist_ok=True)
    joblib.dump(model, HERE / "model" / "model.joblib", compress=3)
    write("seldon-ndarray", {"data": {"ndarray": asked}})
    write("v2-infer", {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [len(asked)],
                                   "data": asked}]})
    write("expected", {"languages": found, "classes": model.classes_.tolist(),
                       "probabilities": model.predict_proba(asked).tolist()})


if __name__ == "__main__":
    main()
